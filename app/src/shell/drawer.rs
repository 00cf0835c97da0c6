//! A strip that opens: one line when closed, a list of fixed height when open. Works without scripts.

use leptos::prelude::*;

use crate::ui::{Glyph, Icon};

/// For the `strip` of [`Layout`](super::Layout). Children are the body; it scrolls by itself and keeps its height however
/// many lines come, so nothing moves while it is open.
#[component]
pub fn Drawer(
    title: &'static str,
    /// Beside the title while closed: the latest line, cut with an ellipsis.
    #[prop(optional, into)]
    latest: ViewFnOnce,
    children: Children,
) -> impl IntoView {
    view! {
        <details class="drawer">
            <summary class="wrap">
                <Glyph icon=Icon::Waves class="text-tide"/>
                <span class="drawer-title">{title}</span>
                <span class="drawer-latest">{latest.run()}</span>
                <Glyph icon=Icon::ChevronDown/>
            </summary>
            <div class="drawer-body" tabindex="0" role="group" aria-label=title>
                <div class="wrap py-3">{children()}</div>
            </div>
        </details>
    }
}
