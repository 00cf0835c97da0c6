//! The connection monitor: a badge in the header, and a notice while the page is not live.

use leptos::prelude::*;
use tidewire::reactive::{ConnectionState, FailReason, LiveConnection, Transport, use_connection};

use crate::ui::{Badge, Button, Notice, Size, Tone};

/// Live, connecting, reconnecting, offline: in one word. A press on it tells more.
#[component]
pub fn ConnectionBadge() -> impl IntoView {
    let connection = use_connection();
    let tone = Signal::derive(move || match connection.state() {
        ConnectionState::Connected => Tone::Success,
        ConnectionState::Connecting | ConnectionState::Reconnecting { .. } => Tone::Warning,
        ConnectionState::Disconnected => Tone::Neutral,
        ConnectionState::Failed(_) => Tone::Danger,
    });
    let pulse = Signal::derive(move || connection.enabled() && !connection.is_connected());
    let word = move || match connection.state() {
        ConnectionState::Connected => "Live",
        ConnectionState::Connecting => "Connecting",
        ConnectionState::Reconnecting { .. } => "Reconnecting",
        ConnectionState::Disconnected if connection.enabled() => "Paused",
        ConnectionState::Disconnected | ConnectionState::Failed(_) => "Not live",
    };
    // In a narrow header only screen readers get it; there, too, the badge keeps its size.
    let how = move || by_event_stream(connection).then_some(" (event stream)");
    view! {
        <span class="js-only" role="status">
            <button type="button" class="connection" popovertarget="about-connection">
                <Badge tone dot=true pulse class="connection-badge">
                    <span>{word}<span class="connection-how">{how}</span></span>
                </Badge>
            </button>
        </span>
        <div id="about-connection" popover="auto" class="connection-about">
            {move || about(connection)}
        </div>
        <noscript>
            <Badge>"Not live: no JavaScript"</Badge>
        </noscript>
    }
}

fn by_event_stream(connection: LiveConnection) -> bool {
    connection.is_connected() && connection.transport() == Some(Transport::EventStream)
}

/// What the badge's word means, for who wants to know.
fn about(connection: LiveConnection) -> &'static str {
    match connection.state() {
        ConnectionState::Connected if by_event_stream(connection) => {
            "This page is live. Something between you and the server lets no WebSocket through, a proxy \
             perhaps, so changes come as an event stream instead. Nothing is missing; what you do \
             yourself may take a moment longer."
        }
        ConnectionState::Connected => "This page is live: changes appear as they happen.",
        ConnectionState::Connecting => "This page is being connected.",
        ConnectionState::Reconnecting { .. } => {
            "The connection is lost. It comes back by itself, with everything that was missed."
        }
        ConnectionState::Disconnected if connection.enabled() => PAUSED,
        ConnectionState::Disconnected => OFF,
        ConnectionState::Failed(_) => "This page is not live. What you see may be old.",
    }
}

const PAUSED: &str = "Live updates are paused on this page.";
const OFF: &str = "Live updates are switched off on this server. You see what was true when the page was \
                   loaded, and what you change is saved; load the page again to see what others do.";

/// Why a page is not live.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Lost,
    Paused,
    Off,
    Outdated,
    Refused,
}

impl Trouble {
    fn of(connection: LiveConnection) -> Option<Self> {
        match connection.state() {
            ConnectionState::Connected | ConnectionState::Connecting => None,
            // The first tries mend most cuts before anybody would have read a notice.
            ConnectionState::Reconnecting { attempt: 0..=1, .. } => None,
            ConnectionState::Reconnecting { .. } => Some(Self::Lost),
            ConnectionState::Disconnected if !connection.enabled() => Some(Self::Off),
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
            Self::Paused => (Tone::Info, PAUSED, "Connect"),
            Self::Off => (Tone::Info, OFF, "Load again"),
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
    let trouble = Memo::new(move |_| Trouble::of(connection));
    move || {
        trouble.get().map(|trouble| {
            let (tone, text, button) = trouble.words();
            let act = move |_| match trouble {
                Trouble::Outdated | Trouble::Off => _ = window().location().reload(),
                Trouble::Paused => connection.connect(),
                Trouble::Lost | Trouble::Refused => connection.retry_now(),
            };
            let action = move || {
                view! {
                    <Button size=Size::Small class="js-only" on:click=act>
                        {button}
                    </Button>
                }
            };
            view! {
                <div class="shell-notice">
                    <Notice tone action>{text}</Notice>
                </div>
            }
        })
    }
}
