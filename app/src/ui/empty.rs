//! What stands where rows will be: says that there are none yet, and how to get the first.

use leptos::prelude::*;

use super::{Glyph, Icon, with_class};

/// An empty state; children are its buttons or links.
#[component]
pub fn Empty(
    #[prop(default = Icon::Inbox)] icon: Icon,
    title: &'static str,
    #[prop(optional)] text: Option<&'static str>,
    #[prop(optional)] class: &'static str,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class=with_class("empty", class)>
            <div class="empty-mark">
                <Glyph icon=icon/>
            </div>
            <p class="font-semibold">{title}</p>
            {text.map(|text| view! { <p class="max-w-sm text-sm text-muted">{text}</p> })}
            {children
                .map(|children| view! { <div class="mt-4 flex flex-wrap gap-2">{children()}</div> })}
        </div>
    }
}
