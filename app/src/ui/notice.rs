//! A banner that tells something about the page: what happened, and what can be done about it.

use leptos::prelude::*;

use super::{Glyph, Icon, Tone, with_class};

/// A banner. Warnings and dangers interrupt a screen reader (`role="alert"`), the others wait their turn (`role="status"`).
#[component]
pub fn Notice(
    #[prop(default = Tone::Info)] tone: Tone,
    #[prop(optional)] title: Option<&'static str>,
    /// A button or link on the right.
    #[prop(optional, into)]
    action: ViewFnOnce,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    let (icon, role) = match tone {
        Tone::Success => (Icon::Success, "status"),
        Tone::Warning => (Icon::Warning, "alert"),
        Tone::Danger => (Icon::Danger, "alert"),
        _ => (Icon::Info, "status"),
    };

    view! {
        <div class=with_class("notice", class) data-tone=tone.name() role=role>
            <Glyph icon=icon/>
            <div class="notice-text">
                {title.map(|title| view! { <p class="notice-title">{title}</p> })}
                {children()}
            </div>
            <div class="notice-action">{action.run()}</div>
        </div>
    }
}
