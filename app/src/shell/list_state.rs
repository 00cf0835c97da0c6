//! A list's loading and error states.

use leptos::prelude::*;
use tidewire::{
    Live, Refusal,
    reactive::{LiveList, Status},
};

use crate::ui::{Button, Notice, Size, Skeleton, Tone};

/// A skeleton while the list loads, a notice with a way out when it could not.
#[component]
pub fn ListState<T: Live>(list: LiveList<T>) -> impl IntoView {
    state(Signal::derive(move || list.status()), Callback::new(move |()| list.reload()))
}

/// A refusal's own words speak of a write.
const UNREACHABLE: &str = "The server could not be reached. It is tried again by itself.";

fn state(status: Signal<Status>, again: Callback<()>) -> impl IntoView {
    move || match status.get() {
        Status::Ready => ().into_any(),
        Status::Loading => view! { <Skeleton/> }.into_any(),
        Status::Failed(Refusal::Unreachable) => problem(UNREACHABLE.into(), again),
        Status::Failed(refusal) => problem(refusal.reason(), again),
        Status::Refused(error) => problem(error.message, again),
    }
}

fn problem(reason: String, again: Callback<()>) -> AnyView {
    let action = move || {
        view! { <Button size=Size::Small on:click=move |_| again.run(())>"Try again"</Button> }
    };
    view! {
        <Notice tone=Tone::Warning title="This list is not up to date" action class="m-4">
            {reason}
        </Notice>
    }
    .into_any()
}
