//! Says why a write did not happen: beside the row with JavaScript, at the top of the page without.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use tidewire::{
    Live,
    reactive::{Row, Writer, posted},
};

use crate::ui::{Notice, Tone};

/// The reason of a writer's newest refusal, until it is dismissed.
#[component]
pub fn Problem<T: Live>(
    writer: Writer<T>,
    /// Says only what became of a write to this row, by its `id` field: for a writer that rows share.
    #[prop(optional)]
    row: Option<Row<T>>,
    /// Runs instead of the plain dismissal.
    #[prop(optional, into)]
    dismissed: Option<Callback<()>>,
) -> impl IntoView {
    let reason = move || {
        let failure = writer.failure()?;
        let other = row.is_some_and(|row| failure.fields.get("id") != row.read().id().to_string());
        (!other).then(|| failure.refusal.reason())
    };
    let dismiss = dismissed.unwrap_or_else(|| Callback::new(move |()| writer.dismiss()));
    problem(Signal::derive(reason), dismiss)
}

fn problem(reason: Signal<Option<String>>, dismiss: Callback<()>) -> impl IntoView {
    move || {
        reason.get().map(|reason| {
            view! {
                <p class="row-problem" role="alert">
                    {reason}
                    <button type="button" class="link" on:click=move |_| dismiss.run(())>
                        "Dismiss"
                    </button>
                </p>
            }
        })
    }
}

/// The reason why a form that was posted without JavaScript was refused, and after a conflict the row
/// that stands in the database, in the words of `describe`.
#[component]
pub fn Refused<T: Live>(describe: fn(T) -> String) -> impl IntoView {
    let search = use_location().search;
    let posted = posted::<T>(move || search.get_untracked())?;
    Some(refused(posted.reason, posted.current.map(describe)))
}

fn refused(reason: String, current: Option<String>) -> impl IntoView {
    view! {
        <Notice tone=Tone::Danger title="That was not saved" class="mb-6">
            <p>{reason}</p>
            {current.map(|current| view! { <p>"It is now: “" {current} "”"</p> })}
        </Notice>
    }
}
