//! Which server-sent events carry an `id`: what a browser that opens the stream again by itself sends
//! back, and the stream's channels go on from.

use super::super::queries;
use crate::contract::{ChannelName, Position, ServerFrame, parse};

/// Decides the `id` of each frame of one stream, in order. `docs/decisions/006-event-streams.md` says why
/// changes have none.
#[derive(Default)]
pub struct EventIds {
    /// Every subscription of the address has been answered; before, a heartbeat speaks only of some.
    settled: bool,
    last: Option<Position>,
}

impl EventIds {
    /// From now on heartbeats speak of every subscription.
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// The frame's `id`, if it has one.
    pub fn of(&mut self, frame: &str) -> Option<Position> {
        // Most frames are neither, and are not read for this.
        if !["{\"type\":\"heartbeat\"", "{\"type\":\"ack\""].iter().any(|s| frame.starts_with(s)) {
            return None;
        }
        let position = match parse::server_frame(frame)? {
            ServerFrame::Heartbeat { position } => position.filter(|_| self.settled)?,
            // A subscription that starts further back takes the stream back with it. A live query's starts
            // at the beginning of the log and needs no position to come back with; an ack that says whom
            // it reached is a broadcast's.
            ServerFrame::Ack { channel, position, reached: None, .. } if !is_query(&channel) => {
                position.filter(|start| self.last.is_none_or(|last| last.is_after(*start)))?
            }
            _ => return None,
        };
        self.last = Some(position);
        Some(position)
    }
}

/// Whether a channel's name is a live query's.
pub fn is_query(channel: &str) -> bool {
    ChannelName::new(channel).is_ok_and(|channel| queries::is_query(&channel))
}

/// Appends one server-sent event. JSON from a client may have line ends between its parts, and each line
/// is a field of its own.
pub fn write_event(buffer: &mut Vec<u8>, frame: &str, id: Option<Position>) {
    if let Some(id) = id {
        buffer.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    for line in frame.split(['\n', '\r']) {
        buffer.extend_from_slice(b"data: ");
        buffer.extend_from_slice(line.as_bytes());
        buffer.push(b'\n');
    }
    buffer.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Position {
        Position::new(1, offset)
    }

    fn ack(offset: u64) -> String {
        format!(r#"{{"type":"ack","channel":"room:a","position":"{}","replay":2}}"#, at(offset))
    }

    fn heartbeat(offset: u64) -> String {
        format!(r#"{{"type":"heartbeat","position":"{}"}}"#, at(offset))
    }

    fn change(offset: u64) -> String {
        let position = at(offset);
        format!(r#"{{"type":"broadcast","channel":"a:b","position":"{position}","payload":{{}}}}"#)
    }

    #[test]
    fn spec_en1_an_id_never_passes_what_a_subscription_still_waits_for() {
        let mut ids = EventIds::default();
        assert_eq!(ids.of(&ack(5)), Some(at(5)), "where the first one starts");
        assert_eq!(ids.of(&change(6)), None);
        assert_eq!(ids.of(&heartbeat(9)), None, "the second one is not answered yet");
        assert_eq!(ids.of(&ack(5)), None);
        ids.settle();
        assert_eq!(ids.of(&heartbeat(9)), Some(at(9)));
        assert_eq!(ids.of(r#"{"type":"heartbeat"}"#), None, "somebody lags");
        assert_eq!(ids.of(&change(10)), None, "a change of the same entry may follow");
        assert_eq!(ids.of(&ack(7)), Some(at(7)), "back to where a later one starts");
        assert_eq!(ids.of(&ack(8)), None);
        assert_eq!(ids.of(r#"{"type":"ack","channel":"room:a","reached":2}"#), None);
        assert_eq!(ids.of(&heartbeat(12)), Some(at(12)));
        let reached =
            format!(r#"{{"type":"ack","channel":"room:a","reached":2,"position":"{}"}}"#, at(3));
        assert_eq!(ids.of(&reached), None, "a message's, which starts nothing");
        let query = ack(0).replace("room:a", "query:any:pe30");
        assert_eq!(ids.of(&query), None, "its answer comes wherever the stream goes on from");
        assert_eq!(ids.of(&heartbeat(13)), Some(at(13)));
    }

    #[test]
    fn every_line_of_a_frame_is_a_field() {
        let mut buffer = Vec::new();
        write_event(&mut buffer, "{\n \"a\":\r1}", Some(at(3)));
        let text = String::from_utf8(buffer).unwrap();
        assert_eq!(text, format!("id: {}\ndata: {{\ndata:  \"a\":\ndata: 1}}\n\n", at(3)));
    }
}
