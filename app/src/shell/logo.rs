//! The mark: a tide between the two ends of a wire.

use leptos::prelude::*;

/// The mark alone, 28 px; the name stands beside it in the header.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg width="28" height="28" viewBox="0 0 28 28" fill="none" aria-hidden="true">
            <path
                d="M4.5 14c1.6-6.6 5.4-9.2 7.7-4.6 1.3 2.6 2.3 6.6 3.6 9.2 2.3 4.6 6.1 2 7.7-4.6"
                class="stroke-tide"
                stroke-width="2.4"
                stroke-linecap="round"
            ></path>
            <circle cx="4.2" cy="14" r="2.7" class="fill-ink"></circle>
            <circle cx="23.8" cy="14" r="2.7" class="fill-ink"></circle>
        </svg>
    }
}
