//! The notes page: one's own, and what others share.

use leptos::prelude::*;
use tidewire::{
    Live, RowId,
    reactive::{Fields, LiveFor, LiveForm, LiveList, Loaded, Optimistic},
};

use super::{
    model::{AddNote, ListNotes, MAX_TEXT, Note, RemoveNote, ShareNote},
    row::{MyNote, TheirNote},
};
use crate::{
    accounts::use_me,
    shell::{ListState, PageHead, PresenceBar, Refused, visitors},
    ui::{Button, Card, Empty, Field, Icon, Variant},
};

#[component]
pub fn NotesPage() -> impl IntoView {
    let notes = LiveList::new(Note::all(), ListNotes {});
    let visitors = visitors("notes");
    let me = StoredValue::new(use_me().id.unwrap_or_default());
    let is_mine = move |note: &Note| me.with_value(|me| note.owner == *me);
    // Made here, so that a refusal outlives the row, which may be gone while the answer is awaited.
    let share = notes.writer::<ShareNote>(move |fields| {
        let note = notes.get(&fields.parse("id")?)?;
        Some(Optimistic::Put(Note { shared: fields.get("shared") == "true", ..note }))
    });
    let remove = notes.writer::<RemoveNote>(|fields| fields.parse("id").map(Optimistic::Remove));
    let mine = move || notes.count(is_mine);
    let theirs = move || notes.count(|note| !is_mine(note));
    let refused = view! { <Refused describe=|now: Note| now.text/> };
    let guest = use_me().account.is_none().then(|| {
        view! {
            <p class="mb-6 text-muted">
                "You are a guest: your notes are yours in this browser alone. "
                <a class="link" href="/sign-up?next=/notes">"Make an account"</a>
                " to have them everywhere."
            </p>
        }
    });
    view! {
        <Loaded>
            <PageHead
                title="Notes"
                lead="Yours alone, until you share one. Take it back, and it leaves every other screen at once."
                actions=move || view! { <PresenceBar visitors/> }
            />
            {guest}
            {refused}
            <div class="grid grid-cols-1 gap-6">
                <Card title="Yours" flush=true>
                    <NewNote notes/>
                    <ListState list=notes/>
                    <ul class="rows" aria-label="Your notes">
                        <LiveFor list=notes filter=move |note: Note| is_mine(&note) let:note>
                            <MyNote notes note share remove/>
                        </LiveFor>
                    </ul>
                    <Show when=move || notes.is_ready() && mine() == 0>
                        <Empty
                            icon=Icon::Lock
                            title="No notes yet"
                            text="What you write here nobody else sees."
                        />
                    </Show>
                </Card>
                <Card title="Shared by others" flush=true>
                    <ul class="rows" aria-label="Shared notes">
                        <LiveFor list=notes filter=move |note: Note| !is_mine(&note) let:note>
                            <TheirNote note/>
                        </LiveFor>
                    </ul>
                    <Show when=move || notes.is_ready() && theirs() == 0>
                        <Empty
                            icon=Icon::Users
                            title="Nobody shares anything"
                            text="What others share appears here."
                        />
                    </Show>
                </Card>
            </div>
        </Loaded>
    }
}

#[component]
fn NewNote(notes: LiveList<Note>) -> impl IntoView {
    let me = use_me();
    let add = notes.writer::<AddNote>(move |fields| {
        let (id, text) = (fields.parse("id")?, fields.get("text").trim().to_owned());
        let (owner, author) = (me.id.clone()?, me.name());
        let note = Note { id, owner, author, text, shared: false };
        (!note.text.is_empty()).then_some(Optimistic::Put(note))
    });
    // One whose answer was lost is sent again under the same id, which adds one note.
    let unanswered = StoredValue::new(None::<Fields>);
    let prepare = move |mut fields: Fields| {
        let again = unanswered.try_update_value(Option::take).flatten();
        let again = again.filter(|sent| sent.get("text") == fields.get("text"));
        let id = again.map_or_else(|| RowId::new().to_string(), |sent| sent.get("id").to_owned());
        fields.set("id", id);
        fields
    };
    let done = move |kept: bool| {
        if !kept {
            unanswered.set_value(add.failure().map(|failure| failure.fields));
        }
    };
    view! {
        <LiveForm writer=add prepare done reset=true class="row-form">
            <input type="hidden" name="id" value=RowId::new().to_string()/>
            <Field
                label="New note"
                name="text"
                hide_label=true
                placeholder="What is on your mind?"
                maxlength=MAX_TEXT
                required=true
                autocomplete="off"
                error=Signal::derive(move || add.reason())
                class="flex-1"
            />
            <Button kind="submit" variant=Variant::Primary>"Add"</Button>
        </LiveForm>
    }
}
