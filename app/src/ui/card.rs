//! A surface that holds one thing.

use leptos::prelude::*;

use super::with_class;

/// A card; with a `title` it gets a head, whose right side takes `actions`.
#[component]
pub fn Card(
    /// A heading of the second level.
    #[prop(optional)]
    title: Option<&'static str>,
    /// One quiet line below the title.
    #[prop(optional)]
    text: Option<&'static str>,
    /// The right side of the head.
    #[prop(optional, into)]
    actions: ViewFnOnce,
    /// No padding, for lists and tables that reach the edges.
    #[prop(optional)]
    flush: bool,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <section class=with_class(if flush { "card overflow-clip" } else { "card" }, class)>
            {title
                .map(|title| {
                    view! {
                        <div class="card-head">
                            <div>
                                <h2 class="text-base font-semibold">{title}</h2>
                                {text.map(|text| view! { <p class="text-sm text-muted">{text}</p> })}
                            </div>
                            <div class="flex items-center gap-2">{actions.run()}</div>
                        </div>
                    }
                })}
            {if flush {
                children()
            } else {
                view! { <div class="card-body">{children()}</div> }.into_any()
            }}
        </section>
    }
}
