//! One todo: tick, edit in place, remove.

use leptos::{ev::KeyboardEvent, prelude::*};
use tidewire::reactive::{LiveForm, LiveList, Optimistic, Row, Writer};

use super::model::{MAX_TITLE, RenameTodo, Todo};
use crate::{
    shell::Problem,
    ui::{Button, Glyph, Icon, Size, Variant},
};

/// What a person is typing, and the todo as it was when they began.
#[derive(Clone, PartialEq)]
struct Draft {
    title: String,
    base: Todo,
}

#[component]
pub fn TodoRow(
    todos: LiveList<Todo>,
    todo: Row<Todo>,
    tick: Writer<Todo>,
    remove: Writer<Todo>,
) -> impl IntoView {
    view! {
        <li
            class="row flex-wrap"
            class:pending=move || todo.pending()
            class:row-flash=move || todo.changed_odd()
            class:row-flash-again=move || todo.changed_even()
        >
            <Tick todo tick/>
            <Title todos todo/>
            <Remove todo remove/>
        </li>
    }
}

#[component]
fn Tick(todo: Row<Todo>, tick: Writer<Todo>) -> impl IntoView {
    let done = move || todo.read().done;
    view! {
        <LiveForm writer=tick class="contents">
            <input type="hidden" name="id" value=move || todo.read().id.to_string()/>
            <button
                type="submit"
                class="check"
                role="checkbox"
                name="done"
                value=move || if done() { "false" } else { "true" }
                aria-checked=move || if done() { "true" } else { "false" }
                aria-label=move || ["Done: ", &todo.read().title].concat()
            ></button>
        </LiveForm>
        <Problem writer=tick row=todo/>
    }
}

#[component]
fn Title(todos: LiveList<Todo>, todo: Row<Todo>) -> impl IntoView {
    let draft = RwSignal::new(None::<Draft>);
    let rename = todos.writer::<RenameTodo>(move |fields| {
        let title = fields.get("title").trim().to_owned();
        (!title.is_empty()).then(|| Optimistic::Put(Todo { title, ..todo.get_untracked() }))
    });
    let text = move || draft.with(|d| d.as_ref().map(|d| d.title.clone()));
    let base = move || draft.with(|d| d.as_ref().map(|d| d.base.clone())).unwrap_or(todo.get());
    let form = NodeRef::<leptos::html::Button>::new();
    // What somebody else writes meanwhile changes the row, but not what is being typed.
    let typed = move |title: String| {
        draft.update(|draft| match draft {
            Some(draft) => draft.title = title,
            None => *draft = Some(Draft { title, base: todo.get_untracked() }),
        });
    };
    let take_theirs = move |()| {
        draft.set(None);
        rename.dismiss();
    };
    let key = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            take_theirs(());
        }
    };
    let leave = move |_| {
        // After a refusal only the person decides, by Enter or Escape, not by passing through.
        if rename.failure().is_some() {
            return;
        }
        if let Some(save) = form.get_untracked().filter(|_| draft.with_untracked(Option::is_some)) {
            save.click();
        }
    };
    let refused = move |kept: bool| {
        if let (false, Some(failure)) = (kept, rename.failure()) {
            // The text comes back; saving it again means: mine, over what stands there now.
            let title = failure.fields.get("title").to_owned();
            let base = rename.conflict().unwrap_or_else(|| todo.get_untracked());
            draft.set(Some(Draft { title, base }));
        }
    };
    view! {
        <LiveForm writer=rename class="row-main" sent=move |()| draft.set(None) done=refused>
            <input type="hidden" name="id" value=move || todo.read().id.to_string()/>
            <input type="hidden" name="version" value=move || base().version.to_string()/>
            <input type="hidden" name="was" value=move || base().title/>
            <input
                name="title"
                class="in-place"
                class:row-done=move || todo.read().done
                aria-label="Title"
                maxlength=MAX_TITLE
                required
                autocomplete="off"
                value=move || todo.read().title.clone()
                prop:value=move || text().unwrap_or_else(|| todo.read().title.clone())
                on:input=move |event| typed(event_target_value(&event))
                on:keydown=key
                on:blur=leave
            />
            <button type="submit" class="sr-only" tabindex="-1" node_ref=form>"Save"</button>
        </LiveForm>
        <Show when=move || draft.with(|d| d.as_ref().is_some_and(|d| d.base.title != todo.read().title))>
            <p class="row-note" role="status">
                "Now: “" {move || todo.read().title.clone()} "”"
            </p>
        </Show>
        <Problem writer=rename dismissed=take_theirs/>
    }
}

#[component]
fn Remove(todo: Row<Todo>, remove: Writer<Todo>) -> impl IntoView {
    view! {
        <LiveForm writer=remove class="row-actions">
            <input type="hidden" name="id" value=move || todo.read().id.to_string()/>
            <Button kind="submit" variant=Variant::Ghost size=Size::Small label="Delete">
                <Glyph icon=Icon::Trash/>
            </Button>
        </LiveForm>
        <Problem writer=remove row=todo/>
    }
}
