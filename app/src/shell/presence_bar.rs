//! Who is on this page: avatars and a sentence, true while one looks.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use tidewire::{
    ChannelName,
    contract::Present,
    reactive::{PresenceList, use_presence},
};

use crate::accounts::use_me;

/// What visitors say about themselves on a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visitor {
    /// What to call them.
    pub name: String,
}

/// How many others have an avatar of their own; the rest is a number.
const SHOWN: usize = 5;
const COLOURS: u32 = 8;

/// Joins a page's channel, `page:{name}`. Call it in the page itself, before anything that waits for lists, and
/// hand it to [`PresenceBar`].
///
/// # Panics
/// When the name cannot be part of a channel's name.
pub fn visitors(page: &str) -> PresenceList<Visitor> {
    let channel = ChannelName::new(&["page:", page].concat()).expect("a page's name is a segment");
    use_presence(&channel, Some(Visitor { name: use_me().name() }))
}

/// The bar. The reader is a part of it from the first paint on, so nothing moves when they have joined.
#[component]
pub fn PresenceBar(visitors: PresenceList<Visitor>) -> impl IntoView {
    let me = use_me();
    let known = me.id.is_some();
    // The reader counts as here, though a page without scripts does not join.
    let count = Memo::new(move |_| {
        let others = if visitors.is_counted() {
            visitors.count()
        } else {
            visitors.others().len() + usize::from(known)
        };
        others.max(1)
    });
    let others = move || visitors.others().into_iter().take(SHOWN).collect::<Vec<_>>();
    let more = move || visitors.others().len().saturating_sub(SHOWN);
    let name = me.name();
    let myself = me.id.map(|id| {
        view! { <Avatar id name away=Signal::from(false) me=true/> }
    });
    let person = move |user: Present<Visitor>| {
        let id = user.user_id.clone();
        let idle = move |user: &Present<Visitor>| user.idle && user.user_id == id;
        let away = Signal::derive(move || visitors.others().iter().any(&idle));
        view! { <Avatar id=user.user_id name=user.data.name away me=false/> }
    };
    view! {
        <div class="people" data-live=move || visitors.is_live().then_some("")>
            <ul class="people-list" aria-label="People here">
                {myself}
                <For each=others key=|user| user.user_id.clone() children=person/>
                {move || {
                    let more = more();
                    (more > 0)
                        .then(|| {
                            view! {
                                <li class="avatar avatar-more">
                                    <span aria-hidden="true">{["+", &more.to_string()].concat()}</span>
                                    <span class="sr-only">{[&more.to_string(), " more"].concat()}</span>
                                </li>
                            }
                        })
                }}
            </ul>
            <span class="people-count">{move || sentence(count.get())}</span>
        </div>
    }
}

#[component]
fn Avatar(id: String, name: String, #[prop(into)] away: Signal<bool>, me: bool) -> impl IntoView {
    let text = if me { [&name, " (you)"].concat() } else { name.clone() };
    let spoken = text.clone();
    view! {
        <li class="avatar" data-colour=colour(&id) data-away=move || away.get().then_some("") title=text>
            <span aria-hidden="true">{initials(&name)}</span>
            <span class="sr-only">
                {spoken} {move || away.get().then_some(", away")}
            </span>
        </li>
    }
}

fn sentence(count: usize) -> String {
    match count {
        1 => "Only you here".into(),
        count => [&count.to_string(), " people here"].concat(),
    }
}

/// The first letters of the first and the last word.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let letters = words.next().into_iter().chain(words.next_back());
    letters.filter_map(|word| word.chars().next()).flat_map(char::to_uppercase).collect()
}

/// The same user has the same colour on every screen.
fn colour(id: &str) -> u32 {
    id.bytes().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % COLOURS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, letters) in
            [("Guest 4f2a", "G4"), ("ann", "A"), ("Ann B. Smith", "AS"), ("", "")]
        {
            assert_eq!(initials(name), letters);
        }
    }

    #[test]
    fn colours_are_spread_and_stay() {
        let used: std::collections::HashSet<u32> =
            (0..100).map(|n| colour(&format!("{n:016x}"))).collect();
        assert_eq!(used.len() as u32, COLOURS);
        assert_eq!(colour("4f2a"), colour("4f2a"));
    }
}
