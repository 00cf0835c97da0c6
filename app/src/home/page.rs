//! The home page.

use leptos::prelude::*;
use leptos_meta::Title;
use tidewire::{
    Live,
    reactive::{LiveList, LiveValue, Loaded, use_connection},
};

use crate::{
    products::model::Worth,
    todos::model::{ListTodos, Todo},
    ui::{ButtonLink, Card, Code, Glyph, Icon, Size, Variant},
};

const TODOS_CODE: &str = "let todos = LiveList::new(Todo::all(), ListTodos {});

view! {
    <LiveFor list=todos let:todo>
        <li class:done=move || todo.read().done>
            {move || todo.read().title.clone()}
        </li>
    </LiveFor>
}";

#[component]
pub fn HomePage() -> impl IntoView {
    let todos = LiveList::new(Todo::all(), ListTodos {});
    let worth = LiveValue::query(Worth {});
    let worth = move || worth.get().map_or_else(|| "…".into(), money);
    view! {
        <Title text=""/>
        <section class="hero py-10 sm:py-16">
            <p class="eyebrow">"A Leptos template for products that are live"</p>
            <h1 class="mt-3 max-w-3xl text-4xl sm:text-5xl">
                "The database publishes. The page remembers where it read."
            </h1>
            <p class="mt-4 max-w-2xl text-lg text-muted">
                "Write plain SQL. Every list on every screen stays true, from the row to the view, with
                one set of Rust types and no code at the call site."
            </p>
            <div class="mt-6 flex flex-wrap gap-3">
                <ButtonLink href="/todos" variant=Variant::Primary size=Size::Large>
                    "Open the todos"
                </ButtonLink>
                <ButtonLink href="/products" size=Size::Large>"Write from a shell"</ButtonLink>
            </div>
        </section>
        <Loaded>
            <section class="grid gap-4 sm:grid-cols-3" aria-label="Live numbers">
                <Figure icon=Icon::Check name="todos open" href="/todos?show=open">
                    {move || todos.count(|todo| !todo.done)}
                </Figure>
                <Figure icon=Icon::Success name="todos done" href="/todos?show=done">
                    {move || todos.count(|todo| todo.done)}
                </Figure>
                <Figure icon=Icon::Database name="worth of products" href="/products">
                    {worth}
                </Figure>
            </section>
        </Loaded>
        <p class="mt-3 text-sm text-muted">
            <Standing/>
            " These numbers came with the page; change a todo in another window and watch them move."
        </p>
        <section class="mt-12 grid grid-cols-1 gap-6 lg:grid-cols-2">
            <Card title="What a live list takes" text="This is the whole of it in a page.">
                <Code title="app/src/todos/page.rs" text=TODOS_CODE/>
            </Card>
            <Card title="How it stays true">
                <ol class="steps">
                    <Step name="Write">"A form posts to a server function, which runs SQL in a transaction."</Step>
                    <Step name="Log">"A trigger notes old and new row in the same transaction: both or neither."</Step>
                    <Step name="Publish">"The server reads the log in commit order and encodes each change once."</Step>
                    <Step name="Fold">"The page goes on from the position that it was rendered at. No gap, no second fetch."</Step>
                </ol>
            </Card>
        </section>
    }
}

#[component]
fn Figure(icon: Icon, name: &'static str, href: &'static str, children: Children) -> impl IntoView {
    view! {
        <a href=href class="card figure">
            <Glyph icon class="text-tide"/>
            <span class="figure-number">{children()}</span>
            <span class="text-muted">{name}</span>
        </a>
    }
}

#[component]
fn Step(name: &'static str, children: Children) -> impl IntoView {
    view! {
        <li>
            <strong>{name}</strong>
            " "
            <span class="text-muted">{children()}</span>
        </li>
    }
}

/// Where this page stands in the log, in words.
#[component]
fn Standing() -> impl IntoView {
    let connection = use_connection();
    move || {
        if connection.is_connected() { "This page is live." } else { "This page is not live yet." }
    }
}

/// Cents as an amount, with thousands apart.
fn money(cents: i64) -> String {
    let mut whole = (cents / 100).to_string();
    let mut place = whole.len();
    while place > 3 {
        place -= 3;
        whole.insert(place, ',');
    }
    let rest = (cents % 100).to_string();
    [whole.as_str(), if rest.len() < 2 { ".0" } else { "." }, rest.as_str()].concat()
}

#[cfg(test)]
mod tests {
    use super::money;

    #[test]
    fn amounts_have_two_decimals_and_thousands_apart() {
        assert_eq!(money(35125), "351.25");
        assert_eq!(money(5), "0.05");
        assert_eq!(money(123_456_789), "1,234,567.89");
    }
}
