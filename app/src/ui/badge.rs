//! A word of state beside a thing.

use leptos::prelude::*;

use super::{Tone, with_class};

/// A small pill. The tone may change while it is shown (a connection's state).
#[component]
pub fn Badge(
    #[prop(optional, into)] tone: Signal<Tone>,
    /// A dot before the text.
    #[prop(optional)]
    dot: bool,
    /// The dot sends out ripples: for what is live.
    #[prop(optional, into)]
    pulse: Signal<bool>,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <span class=with_class("badge", class) data-tone=move || tone.get().name()>
            {dot
                .then(|| {
                    view! {
                        <span
                            class="dot"
                            data-pulse=move || pulse.get().then_some("")
                            aria-hidden="true"
                        ></span>
                    }
                })}
            {children()}
        </span>
    }
}
