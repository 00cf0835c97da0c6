//! The head of a page: its title, also that of the window, one sentence, its actions.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::ui::with_class;

/// Every page starts with one; its title is the page's only `<h1>` and the window's title.
#[component]
pub fn PageHead(
    #[prop(into)] title: String,
    /// What the page is for, in a sentence.
    #[prop(optional, into)]
    lead: Option<String>,
    /// Buttons and badges: right of the title, below it on a phone.
    #[prop(optional, into)]
    actions: ViewFnOnce,
    #[prop(optional)] class: &'static str,
) -> impl IntoView {
    view! {
        <Title text=title.clone()/>
        <header class=with_class("page-head", class)>
            <div class="min-w-0 max-w-2xl flex-[1_1_20rem]">
                <h1 class="text-2xl sm:text-3xl">{title}</h1>
                {lead.map(|lead| view! { <p class="mt-1.5 text-muted">{lead}</p> })}
            </div>
            <div class="flex flex-wrap items-center gap-2 empty:hidden">{actions.run()}</div>
        </header>
    }
}
