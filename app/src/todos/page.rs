//! The todos page.

use leptos::prelude::*;
use tidewire::reactive::{Fields, LiveFor, LiveForm, LiveList, Loaded, Optimistic, use_typing};
use tidewire::{Live, RowId};

use super::{
    model::{AddTodo, ListTodos, MAX_TITLE, RemoveTodo, TickTodo, Todo},
    row::TodoRow,
};
use crate::{
    accounts::use_me,
    shell::{ListState, PageHead, PresenceBar, Refused, TypingLine, visitors},
    ui::{Button, Card, Empty, Field, Icon, SegmentLink, SegmentLinks, Variant},
};

/// Which todos are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    All,
    Open,
    Done,
}

impl Show {
    fn from_query(value: Option<&str>) -> Self {
        match value {
            Some("open") => Self::Open,
            Some("done") => Self::Done,
            _ => Self::All,
        }
    }

    fn includes(self, todo: &Todo) -> bool {
        match self {
            Self::All => true,
            Self::Open => !todo.done,
            Self::Done => todo.done,
        }
    }
}

#[component]
pub fn TodosPage() -> impl IntoView {
    let todos = LiveList::new(Todo::all(), ListTodos {});
    let visitors = visitors("todos");
    // Made here, so that a refusal outlives the row, which may be gone while the answer is awaited.
    let tick = todos.writer::<TickTodo>(move |fields| {
        let todo = todos.get(&fields.parse("id")?)?;
        Some(Optimistic::Put(Todo { done: fields.get("done") == "true", ..todo }))
    });
    let remove = todos.writer::<RemoveTodo>(|fields| fields.parse("id").map(Optimistic::Remove));
    let query = leptos_router::hooks::use_query_map();
    let show = Memo::new(move |_| query.with(|q| Show::from_query(q.get_str("show"))));
    let shown = move || todos.count(|todo| show.get().includes(todo));
    let filter = move |todo: Todo| show.get().includes(&todo);
    let refused = view! { <Refused describe=|now: Todo| now.title/> };
    view! {
        <Loaded>
            <PageHead
                title="Todos"
                lead="One list for everybody who looks. Open it in a second window and watch."
                actions=move || view! { <PresenceBar visitors/> <Filter show todos/> }
            />
            {refused}
            <Card flush=true>
                <NewTodo todos/>
                <ListState list=todos/>
                <ul class="rows" aria-label="Todos">
                    <LiveFor list=todos filter let:todo>
                        <TodoRow todos todo tick remove/>
                    </LiveFor>
                </ul>
                <Show when=move || shown() == 0 && todos.is_ready()>
                    <Empty
                        icon=Icon::Check
                        title="Nothing to do here"
                        text="Add the first one above, or choose another filter."
                    />
                </Show>
            </Card>
        </Loaded>
    }
}

#[component]
fn Filter(show: Memo<Show>, todos: LiveList<Todo>) -> impl IntoView {
    let segment = move |name: &'static str, href: &'static str, which: Show| {
        let count = move || todos.count(|todo| which.includes(todo));
        view! {
            <SegmentLink href current=Signal::derive(move || show.get() == which)>
                {name} " " <span class="tabular-nums opacity-70">{count}</span>
            </SegmentLink>
        }
    };
    view! {
        <SegmentLinks label="Filter">
            {segment("All", "/todos", Show::All)}
            {segment("Open", "/todos?show=open", Show::Open)}
            {segment("Done", "/todos?show=done", Show::Done)}
        </SegmentLinks>
    }
}

#[component]
fn NewTodo(todos: LiveList<Todo>) -> impl IntoView {
    let add = todos.writer::<AddTodo>(|fields| {
        let (id, title) = (fields.parse("id")?, fields.get("title").trim().to_owned());
        (!title.is_empty()).then_some(Optimistic::Put(Todo { id, title, done: false, version: 1 }))
    });
    // The browser makes the id. One whose answer was lost is sent again under the same id, which adds
    // one todo whether the first try had arrived or not.
    let unanswered = StoredValue::new(None::<Fields>);
    let prepare = move |mut fields: Fields| {
        let again = unanswered.try_update_value(Option::take).flatten();
        let again = again.filter(|sent| sent.get("title") == fields.get("title"));
        let id = again.map_or_else(|| RowId::new().to_string(), |sent| sent.get("id").to_owned());
        fields.set("id", id);
        fields
    };
    let typing = use_typing("todos", &use_me().name()).expect("todos is a segment");
    let done = move |kept: bool| {
        typing.stop();
        if !kept {
            unanswered.set_value(add.failure().map(|failure| failure.fields));
        }
    };
    view! {
        <LiveForm writer=add prepare done reset=true class="row-form">
            <input type="hidden" name="id" value=RowId::new().to_string()/>
            <Field
                label="New todo"
                name="title"
                hide_label=true
                placeholder="What needs to be done?"
                maxlength=MAX_TITLE
                required=true
                autocomplete="off"
                error=Signal::derive(move || add.reason())
                class="flex-1"
                on:input=move |_| typing.touch()
            />
            <Button kind="submit" variant=Variant::Primary>"Add"</Button>
        </LiveForm>
        <TypingLine typists=typing doing="adding a todo"/>
    }
}
