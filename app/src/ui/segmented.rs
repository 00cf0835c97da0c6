//! One choice of a few, side by side, as links: a filter in the address, which works without scripts.

use leptos::prelude::*;

use super::with_class;

/// A filter made of links. Children are [`SegmentLink`]s.
#[component]
pub fn SegmentLinks(
    /// What is filtered, for screen readers.
    label: &'static str,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <nav aria-label=label class=with_class("segments", class)>
            {children()}
        </nav>
    }
}

/// One link of a [`SegmentLinks`]; `current` marks the one that is shown.
#[component]
pub fn SegmentLink(
    #[prop(into)] href: String,
    #[prop(optional, into)] current: Signal<bool>,
    children: Children,
) -> impl IntoView {
    view! {
        <a href=href class="segment" aria-current=move || current.get().then_some("true")>
            {children()}
        </a>
    }
}
