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

/// Why the page is not live, and what can be done. Nothing while all is well.
#[component]
pub fn ConnectionNotice() -> impl IntoView {
    let connection = use_connection();
    move || {
        let (tone, text, button) = match connection.state() {
            ConnectionState::Connected | ConnectionState::Connecting => return None,
            // The first tries mend most cuts before anybody would have read a notice.
            ConnectionState::Reconnecting { attempt: 0..=1, .. } => return None,
            ConnectionState::Reconnecting { .. } => (
                Tone::Warning,
                "The connection is lost. What you see may be old; it will catch up by itself.",
                "Retry now",
            ),
            ConnectionState::Disconnected => {
                (Tone::Info, "Live updates are paused on this page.", "Connect")
            }
            ConnectionState::Failed(FailReason::ContractChanged) => {
                (Tone::Warning, "A new version of this application is here.", "Load it")
            }
            ConnectionState::Failed(_) => {
                (Tone::Danger, "The server ended the connection for good.", "Try again")
            }
        };
        let reload = connection.state() == ConnectionState::Failed(FailReason::ContractChanged);
        let act = move |_| {
            if reload {
                window().location().reload().ok();
            } else {
                connection.retry_now();
            }
        };
        let action = move || view! { <Button size=Size::Small on:click=act>{button}</Button> };
        Some(view! {
            <div class="shell-notice">
                <Notice tone action>{text}</Notice>
            </div>
        })
    }
}
