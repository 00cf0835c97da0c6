//! What went over the socket, in short, for people who want to see it.

use std::collections::VecDeque;

use leptos::prelude::*;

use crate::contract::{ServerFrame, parse};

/// A frame in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameNote {
    /// Counts up; a key for lists.
    pub number: u64,
    /// Whether the server sent it.
    pub received: bool,
    /// The frame's type, or for a change what happened: `insert`, `update`, `delete`.
    pub kind: String,
    /// The channel, empty when the frame has none.
    pub channel: String,
    /// The number in the log, empty when it has none.
    pub offset: String,
    /// The frame itself, shortened.
    pub text: String,
}

/// How many frames are kept.
const KEPT: usize = 40;
/// How much of a frame's text is kept, in characters.
const TEXT: usize = 400;

/// The newest frames, newest first. Copy.
#[derive(Clone, Copy)]
pub(super) struct Frames {
    notes: RwSignal<VecDeque<FrameNote>>,
    count: StoredValue<u64>,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { notes: RwSignal::new(VecDeque::new()), count: StoredValue::new(0) }
    }

    pub(super) fn notes(&self) -> RwSignal<VecDeque<FrameNote>> {
        self.notes
    }

    pub(super) fn add(&self, received: bool, text: &str) {
        self.count.update_value(|count| *count += 1);
        let note = describe(self.count.get_value(), received, text);
        _ = self.notes.try_update(|notes| {
            notes.push_front(note);
            notes.truncate(KEPT);
        });
    }
}

fn describe(number: u64, received: bool, text: &str) -> FrameNote {
    let short: String = text.chars().take(TEXT).collect();
    let mut note = FrameNote {
        number,
        received,
        kind: field(text, "type"),
        channel: field(text, "channel"),
        offset: String::new(),
        text: short,
    };
    if received && let Some(frame) = parse::server_frame(text) {
        let position = match &frame {
            ServerFrame::Broadcast { position, payload, .. } => {
                if position.is_some() {
                    note.kind = field(payload.get(), "type").to_lowercase();
                }
                *position
            }
            ServerFrame::Ack { position, .. } | ServerFrame::Heartbeat { position } => *position,
            ServerFrame::Resync { position, .. } => Some(*position),
            _ => None,
        };
        note.offset = position.map(|p| p.offset.to_string()).unwrap_or_default();
    }
    note
}

/// A text field near the start of a frame, without reading all of it.
fn field(text: &str, name: &str) -> String {
    let key = ["\"", name, "\":\""].concat();
    let value = text.split_once(&key).and_then(|(_, rest)| rest.split_once('"'));
    value.map(|(value, _)| value.to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_described_by_what_happened() {
        let frame = r#"{"type":"broadcast","channel":"resource:todo","position":"00000000000000ff-12","payload":{"type":"UPDATE","schema":"public","table":"todos"}}"#;
        let note = describe(1, true, frame);
        assert_eq!((note.kind.as_str(), note.channel.as_str()), ("update", "resource:todo"));
        assert_eq!(note.offset, "12");
    }
}
