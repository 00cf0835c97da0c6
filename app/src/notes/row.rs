//! One note: one's own is edited in place, shared, removed; somebody else's is read.

use leptos::{ev::KeyboardEvent, prelude::*};
use tidewire::reactive::{LiveForm, LiveList, Optimistic, Row, Writer};

use super::model::{EditNote, MAX_TEXT, Note};
use crate::{
    shell::Problem,
    ui::{Badge, Button, Glyph, Icon, Size, Tone, Variant},
};

#[component]
pub fn TheirNote(note: Row<Note>) -> impl IntoView {
    view! {
        <li
            class="row"
            class:row-flash=move || note.changed_odd()
            class:row-flash-again=move || note.changed_even()
        >
            <p class="row-main row-text">{move || note.read().text.clone()}</p>
            <span class="row-meta">{move || note.read().author.clone()}</span>
        </li>
    }
}

#[component]
pub fn MyNote(
    notes: LiveList<Note>,
    note: Row<Note>,
    share: Writer<Note>,
    remove: Writer<Note>,
) -> impl IntoView {
    let shared = move || note.read().shared;
    let badge = move || {
        let (tone, word) =
            if shared() { (Tone::Accent, "Shared") } else { (Tone::Neutral, "Private") };
        view! { <Badge tone>{word}</Badge> }
    };
    view! {
        <li
            class="row flex-wrap"
            class:pending=move || note.pending()
            class:row-flash=move || note.changed_odd()
            class:row-flash-again=move || note.changed_even()
        >
            <LiveForm writer=share class="contents">
                <input type="hidden" name="id" value=move || note.read().id.to_string()/>
                <button
                    type="submit"
                    class="check"
                    role="checkbox"
                    name="shared"
                    value=move || if shared() { "false" } else { "true" }
                    aria-checked=move || if shared() { "true" } else { "false" }
                    aria-label=move || ["Shared with everybody: ", &note.read().text].concat()
                    title="Share with everybody"
                ></button>
            </LiveForm>
            <Problem writer=share row=note/>
            <Text notes note/>
            {badge}
            <LiveForm writer=remove class="row-actions">
                <input type="hidden" name="id" value=move || note.read().id.to_string()/>
                <Button kind="submit" variant=Variant::Ghost size=Size::Small label="Delete">
                    <Glyph icon=Icon::Trash/>
                </Button>
            </LiveForm>
            <Problem writer=remove row=note/>
        </li>
    }
}

/// What a person is typing, and the text as it was when they began.
#[derive(Clone, PartialEq)]
struct Draft {
    text: String,
    was: String,
}

#[component]
fn Text(notes: LiveList<Note>, note: Row<Note>) -> impl IntoView {
    let draft = RwSignal::new(None::<Draft>);
    let edit = notes.writer::<EditNote>(move |fields| {
        let text = fields.get("text").trim().to_owned();
        (!text.is_empty()).then(|| Optimistic::Put(Note { text, ..note.get_untracked() }))
    });
    let now = move || note.read().text.clone();
    let text = move || draft.with(|d| d.as_ref().map(|d| d.text.clone())).unwrap_or_else(now);
    let was = move || draft.with(|d| d.as_ref().map(|d| d.was.clone())).unwrap_or_else(now);
    let typed = move |text: String| {
        draft.update(|draft| match draft {
            Some(draft) => draft.text = text,
            None => *draft = Some(Draft { text, was: note.get_untracked().text }),
        });
    };
    let take_theirs = move |()| {
        draft.set(None);
        edit.dismiss();
    };
    let key = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            take_theirs(());
        }
    };
    let save = NodeRef::<leptos::html::Button>::new();
    let leave = move |_| {
        // After a refusal only the person decides, by Enter or Escape.
        if edit.failure().is_some() {
            return;
        }
        if let Some(save) = save.get_untracked().filter(|_| draft.with_untracked(Option::is_some)) {
            save.click();
        }
    };
    let answered = move |kept: bool| {
        if let (false, Some(failure)) = (kept, edit.failure()) {
            // The text comes back; saving it again means: this one, over what stands there now.
            let was = edit.conflict().unwrap_or_else(|| note.get_untracked()).text;
            draft.set(Some(Draft { text: failure.fields.get("text").to_owned(), was }));
        }
    };
    view! {
        <LiveForm writer=edit class="row-main" sent=move |()| draft.set(None) done=answered>
            <input type="hidden" name="id" value=move || note.read().id.to_string()/>
            <input type="hidden" name="was" value=was/>
            <input
                name="text"
                class="in-place"
                aria-label="Text"
                maxlength=MAX_TEXT
                required
                autocomplete="off"
                value=now
                prop:value=text
                on:input=move |event| typed(event_target_value(&event))
                on:keydown=key
                on:blur=leave
            />
            <button type="submit" class="sr-only" tabindex="-1" node_ref=save>"Save"</button>
        </LiveForm>
        <Problem writer=edit dismissed=take_theirs/>
    }
}
