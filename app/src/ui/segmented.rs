//! One choice of a few, side by side: as links (a filter in the address, works without scripts) or as radio buttons of a form.

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

/// A choice inside a form. Children are [`SegmentRadio`]s; the arrow keys move between them.
#[component]
pub fn SegmentRadios(
    /// What is chosen, for screen readers.
    label: &'static str,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <fieldset class=with_class("segments", class)>
            <legend class="sr-only">{label}</legend>
            {children()}
        </fieldset>
    }
}

/// One choice of a [`SegmentRadios`]. `on:change` on it hears the radio button.
#[component]
pub fn SegmentRadio(
    name: &'static str,
    value: &'static str,
    #[prop(optional)] checked: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <label class="segment">
            <input type="radio" class="sr-only" name=name value=value checked=checked/>
            {children()}
        </label>
    }
}
