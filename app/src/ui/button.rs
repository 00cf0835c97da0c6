//! A button, and a link that looks like one.

use leptos::prelude::*;

use super::with_class;

/// How loud a button is. One `Primary` a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    Primary,
    #[default]
    Secondary,
    Ghost,
    Danger,
}

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Variant::Primary => "primary",
            Variant::Secondary => "secondary",
            Variant::Ghost => "ghost",
            Variant::Danger => "danger",
        }
    }
}

/// How large a button is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    Small,
    #[default]
    Medium,
    Large,
}

impl Size {
    fn name(self) -> Option<&'static str> {
        match self {
            Size::Small => Some("sm"),
            Size::Medium => None,
            Size::Large => Some("lg"),
        }
    }
}

/// A button. Children are an optional `<Glyph/>` and the label.
#[component]
pub fn Button(
    #[prop(optional)] variant: Variant,
    #[prop(optional)] size: Size,
    /// `button` unless told; `submit` inside forms.
    #[prop(default = "button")]
    kind: &'static str,
    /// While true a spinner stands over the label and clicks are ignored; the width stays.
    #[prop(optional, into)]
    busy: Signal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// For a button that shows only a glyph: its accessible name and tooltip. Makes the button square.
    #[prop(optional)]
    label: Option<&'static str>,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            type=kind
            class=with_class("btn", class)
            data-variant=variant.name()
            data-size=size.name()
            data-icon=label.map(|_| "")
            aria-label=label
            title=label
            aria-busy=move || busy.get().then_some("true")
            disabled=move || disabled.get()
        >
            {children()}
        </button>
    }
}

/// A link that looks like a button.
#[component]
pub fn ButtonLink(
    #[prop(into)] href: String,
    #[prop(optional)] variant: Variant,
    #[prop(optional)] size: Size,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <a
            href=href
            class=with_class("btn", class)
            data-variant=variant.name()
            data-size=size.name()
        >
            {children()}
        </a>
    }
}
