//! The name of a key.

use leptos::prelude::*;

/// A key cap: `<Kbd>"Enter"</Kbd>`.
#[component]
pub fn Kbd(children: Children) -> impl IntoView {
    view! { <kbd class="kbd">{children()}</kbd> }
}
