//! "What just happened": the frames that go over this page's socket, as they go.

use leptos::prelude::*;
use tidewire::reactive::{FrameNote, use_connection};

use super::Drawer;

/// For the `strip` of the layout.
#[component]
pub fn FrameStrip() -> impl IntoView {
    let connection = use_connection();
    let frames = connection.frames();
    let round_trip = move || {
        let milliseconds = connection.health().rtt_ms;
        milliseconds.map_or_else(String::new, |ms| [&ms.to_string(), " ms · "].concat())
    };
    let latest = move || {
        frames.with(|frames| match frames.front() {
            Some(note) => in_short(note),
            None => "Every frame of this page's socket appears here.".to_owned(),
        })
    };
    let each = move || frames.get();
    let line = |note: FrameNote| {
        view! {
            <li class="frame" data-received=note.received>
                <span class="frame-arrow" aria-hidden="true">
                    {if note.received { "↓" } else { "↑" }}
                </span>
                <span class="frame-kind">{note.kind}</span>
                <span class="frame-channel">{note.channel}</span>
                <span class="frame-offset">{note.offset}</span>
                <code class="frame-text">{note.text}</code>
            </li>
        }
    };
    view! {
        <Drawer title="What just happened" latest=move || view! { <span title="Round trip to the server">{round_trip}</span> {latest} }>
            <ol class="frames">
                <For each key=|note| note.number children=line/>
            </ol>
            <noscript>"Frames arrive where JavaScript runs."</noscript>
        </Drawer>
    }
}

fn in_short(note: &FrameNote) -> String {
    let arrow = if note.received { "↓ " } else { "↑ " };
    [arrow, &note.kind, " ", &note.channel].concat()
}
