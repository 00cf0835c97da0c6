//! Renders a live list, row by row.

use leptos::prelude::*;

use super::{LiveList, Row};
use crate::contract::Live;

/// `<LiveFor list=todos let:todo>…</LiveFor>`: each row is rendered once and keeps its nodes, with
/// focus and caret, for as long as it is shown; what changes inside it are its own signals.
#[component]
pub fn LiveFor<T, F, V>(
    /// The list.
    list: LiveList<T>,
    /// Shows only the rows for which this is true; signals read in it are followed.
    #[prop(optional, into)]
    filter: Option<Callback<T, bool>>,
    /// The view of a row.
    children: F,
) -> impl IntoView
where
    T: Live,
    F: Fn(Row<T>) -> V + Clone + Send + 'static,
    V: IntoView + 'static,
{
    let each = move || match filter {
        Some(filter) => list.ids_where(|row| filter.run(row.clone())),
        None => list.ids(),
    };
    let children = move |id: T::Id| list.row(&id).map(|row| children(row).into_any());
    view! { <For each key=T::Id::clone children/> }
}
