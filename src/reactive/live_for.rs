//! Renders a live list, row by row.

use std::sync::Arc;

use leptos::prelude::*;

use super::{LiveList, Row, slot::Slot};
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
    F: Fn(Row<T>) -> V + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let each: Each = match filter {
        Some(filter) => Box::new(move || list.slots_where(|row| filter.run(row.clone()))),
        None => Box::new(move || list.slots()),
    };
    let view: RowView = Arc::new(move |slot| match slot.cell::<T>() {
        Some(cell) => children(cell.row()).into_any(),
        None => ().into_any(),
    });
    rows(each, view)
}

type Each = Box<dyn Fn() -> Vec<Slot> + Send + Sync>;
type RowView = Arc<dyn Fn(Slot) -> AnyView + Send + Sync>;

/// The loop itself knows no row type, so that a browser loads it once for all lists.
fn rows(each: Each, view: RowView) -> AnyView {
    view! { <For each key=|slot| slot.number() children=move |slot| view(slot)/> }.into_any()
}
