//! The connection monitor: a badge in the header, and a notice while the page is not live.

use leptos::prelude::*;
use tidewire::reactive::{ConnectionState, FailReason, use_connection};

use crate::ui::{Badge, Button, Notice, Size, Tone};

/// Live, connecting, reconnecting, offline: in one word.
#[component]
pub fn ConnectionBadge() -> impl IntoView {
    let connection = use_connection();
    let tone = Signal::derive(move || match connection.state() {
        ConnectionState::Connected => Tone::Success,
        ConnectionState::Connecting | ConnectionState::Reconnecting { .. } => Tone::Warning,
        ConnectionState::Disconnected => Tone::Neutral,
        ConnectionState::Failed(_) => Tone::Danger,
    });
    let word = move || match connection.state() {
        ConnectionState::Connected => "Live",
        ConnectionState::Connecting => "Connecting",
        ConnectionState::Reconnecting { .. } => "Reconnecting",
        ConnectionState::Disconnected => "Paused",
        ConnectionState::Failed(_) => "Not live",
    };
    view! {
        <span class="js-only" role="status">
            <Badge tone dot=true pulse=Signal::derive(move || !connection.is_connected())>
                {word}
            </Badge>
        </span>
        <noscript>
            <Badge>"Not live: no JavaScript"</Badge>
        </noscript>
    }
}

/// Why a page is not live.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Lost,
    Paused,
    Outdated,
    Refused,
}

impl Trouble {
    fn of(state: ConnectionState) -> Option<Self> {
        match state {
            ConnectionState::Connected | ConnectionState::Connecting => None,
            // The first tries mend most cuts before anybody would have read a notice.
            ConnectionState::Reconnecting { attempt: 0..=1, .. } => None,
            ConnectionState::Reconnecting { .. } => Some(Self::Lost),
            ConnectionState::Disconnected => Some(Self::Paused),
            ConnectionState::Failed(FailReason::ContractChanged) => Some(Self::Outdated),
            ConnectionState::Failed(_) => Some(Self::Refused),
        }
    }

    fn words(self) -> (Tone, &'static str, &'static str) {
        match self {
            Self::Lost => (
                Tone::Warning,
                "The connection is lost. What you see may be old; it will catch up by itself.",
                "Retry now",
            ),
            Self::Paused => (Tone::Info, "Live updates are paused on this page.", "Connect"),
            Self::Outdated => {
                (Tone::Warning, "A new version of this application is here.", "Load it")
            }
            Self::Refused => {
                (Tone::Danger, "The server ended the connection for good.", "Try again")
            }
        }
    }
}

/// Why the page is not live, and what can be done. Nothing while all is well.
#[component]
pub fn ConnectionNotice() -> impl IntoView {
    let connection = use_connection();
    // A state for each try, but one notice, whose button stays under the pointer.
    let trouble = Memo::new(move |_| Trouble::of(connection.state()));
    move || {
        trouble.get().map(|trouble| {
            let (tone, text, button) = trouble.words();
            let act = move |_| match trouble {
                Trouble::Outdated => _ = window().location().reload(),
                Trouble::Paused => connection.connect(),
                Trouble::Lost | Trouble::Refused => connection.retry_now(),
            };
            let action = move || view! { <Button size=Size::Small on:click=act>{button}</Button> };
            view! {
                <div class="shell-notice">
                    <Notice tone action>{text}</Notice>
                </div>
            }
        })
    }
}
