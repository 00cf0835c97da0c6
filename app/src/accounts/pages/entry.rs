//! What the forms of accounts share: what came back from a refused one, and where it leads.

use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::{use_location, use_query_map};
use tidewire::reactive::{refused, shared};

use crate::ui::{Notice, Tone};

/// A form as it came back: refused, with what was typed, or for the first time.
#[derive(Clone, Default)]
pub struct Entry {
    /// The field that is wrong, empty for the whole form, and the reason.
    refused: Option<(String, String)>,
    pub(super) name: String,
    pub(super) login: String,
    /// Where it leads.
    pub(super) next: String,
}

impl Entry {
    /// The form of the server function `S`.
    pub(super) fn of<S: ServerFn>() -> Self {
        let search = use_location().search;
        let refused = refused(S::PATH, move || search.get_untracked());
        let typed = |which: &str, typed: fn() -> Option<String>| {
            shared(which, || refused.is_some().then(typed).flatten()).unwrap_or_default()
        };
        let (name, login) = (typed("typed name", typed_name), typed("typed login", typed_login));
        let next = use_query_map().with_untracked(|query| query.get("next"));
        Self { refused, name, login, next: next.unwrap_or_default() }
    }

    /// What is wrong with this field.
    pub(super) fn error(&self, field: &str) -> Option<String> {
        let refused = self.refused.as_ref().filter(|(wrong, _)| wrong == field);
        refused.map(|(_, reason)| reason.clone())
    }

    /// Whether the person goes on here: the field is wrong, or it is the `first` and nothing is.
    pub(super) fn begins_at(&self, field: &str, first: bool) -> bool {
        self.refused.as_ref().map_or(first, |(wrong, _)| wrong == field)
    }

    /// What is wrong with no field of its own.
    pub(super) fn notice(&self, title: &'static str) -> impl IntoView + use<> {
        self.error("").map(|reason| {
            view! {
                <div tabindex="-1" autofocus>
                    <Notice tone=Tone::Danger title class="mb-5">
                        {reason}
                    </Notice>
                </div>
            }
        })
    }

    /// The address of the other form, which leads to the same place.
    pub(super) fn beside(&self, path: &str) -> String {
        if self.next.is_empty() {
            return path.to_owned();
        }
        [path, "?next=", &escaped(&self.next)].concat()
    }
}

fn typed_name() -> Option<String> {
    #[cfg(not(target_arch = "wasm32"))]
    return super::super::context::typed().map(|typed| typed.name);
    #[cfg(target_arch = "wasm32")]
    None
}

fn typed_login() -> Option<String> {
    #[cfg(not(target_arch = "wasm32"))]
    return super::super::context::typed().map(|typed| typed.login);
    #[cfg(target_arch = "wasm32")]
    None
}

/// Text as a part of a query.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(byte.into());
        } else {
            let digit = |value: u8| char::from(b"0123456789ABCDEF"[usize::from(value)]);
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_form_leads_to_the_same_place() {
        let to = |next: &str| Entry { next: next.into(), ..Entry::default() }.beside("/sign-up");
        assert_eq!(to(""), "/sign-up");
        assert_eq!(to("/notes"), "/sign-up?next=/notes");
        assert_eq!(to("/todos?show=open&x"), "/sign-up?next=/todos%3Fshow%3Dopen%26x");
    }

    #[test]
    fn a_person_goes_on_where_something_is_wrong() {
        let entry =
            |field: &str| Entry { refused: Some((field.into(), "No.".into())), ..Entry::default() };
        assert!(Entry::default().begins_at("login", true));
        assert!(!Entry::default().begins_at("password", false));
        assert!(entry("password").begins_at("password", false));
        assert!(!entry("password").begins_at("login", true));
        assert!(!entry("").begins_at("login", true), "the notice comes first");
        assert_eq!(entry("login").error("login").as_deref(), Some("No."));
        assert_eq!(entry("login").error("password"), None);
    }
}
