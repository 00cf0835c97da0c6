//! The replay ring: the newest durable events, by channel, so that a reconnect needs no database.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::event::Event;
use crate::contract::{ChannelName, Limits};

/// The newest events of the log. Everything after [`History::floor`] is held.
pub struct History {
    floor: u64,
    bytes: usize,
    entries: VecDeque<Stored>,
    channels: HashMap<ChannelName, VecDeque<Arc<Event>>>,
    max_events: usize,
    max_bytes: usize,
}

struct Stored {
    offset: u64,
    bytes: usize,
    channels: Vec<ChannelName>,
}

/// The ring does not reach back to the position asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Evicted;

impl History {
    /// An empty ring that begins after `floor`.
    pub fn new(floor: u64, limits: &Limits) -> Self {
        Self {
            floor,
            bytes: 0,
            entries: VecDeque::new(),
            channels: HashMap::new(),
            max_events: limits.history_events,
            max_bytes: limits.history_bytes,
        }
    }

    /// Positions below this one cannot be served.
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// How many entries it holds, and how many bytes.
    pub fn size(&self) -> (usize, usize) {
        (self.entries.len(), self.bytes)
    }

    /// Takes the events of one log entry, one for each channel that it belongs to.
    pub fn push(&mut self, offset: u64, events: &[Arc<Event>]) {
        let mut stored = Stored { offset, bytes: 64, channels: Vec::with_capacity(events.len()) };
        for event in events {
            stored.bytes += event.weight();
            stored.channels.push(event.channel().clone());
            self.channels.entry(event.channel().clone()).or_default().push_back(event.clone());
        }
        self.bytes += stored.bytes;
        self.entries.push_back(stored);
        while self.entries.len() > self.max_events || self.bytes > self.max_bytes {
            self.evict();
        }
    }

    /// Forgets everything and begins after `floor`.
    pub fn restart(&mut self, floor: u64) {
        self.floor = floor;
        self.bytes = 0;
        self.entries.clear();
        self.channels.clear();
    }

    /// The events of a channel after `since`, oldest first.
    ///
    /// # Errors
    /// [`Evicted`] when the ring no longer reaches back to `since`.
    pub fn after(&self, channel: &ChannelName, since: u64) -> Result<Vec<Arc<Event>>, Evicted> {
        if since < self.floor {
            return Err(Evicted);
        }
        let Some(events) = self.channels.get(channel) else { return Ok(Vec::new()) };
        let start = events.partition_point(|event| event.offset().is_some_and(|o| o <= since));
        Ok(events.range(start..).cloned().collect())
    }

    fn evict(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.bytes -= oldest.bytes;
        self.floor = oldest.offset;
        for channel in oldest.channels {
            if let Some(events) = self.channels.get_mut(&channel) {
                events.pop_front();
                if events.is_empty() {
                    self.channels.remove(&channel);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contract::{Op, Position},
        server::log::Entry,
    };

    fn event(channel: &str, offset: u64) -> Arc<Event> {
        let entry = Entry::for_tests(offset, "todos", Op::Insert);
        let name = ChannelName::new(channel).unwrap();
        Arc::new(Event::logged(name, Position::new(1, offset), Arc::new(entry), Op::Insert))
    }

    fn offsets(history: &History, channel: &str, since: u64) -> Result<Vec<u64>, Evicted> {
        let name = ChannelName::new(channel).unwrap();
        Ok(history.after(&name, since)?.iter().filter_map(|e| e.offset()).collect())
    }

    #[test]
    fn holds_everything_after_its_floor_and_says_when_it_does_not() {
        let mut history = History::new(10, &Limits { history_events: 3, ..Limits::default() });
        for offset in 11..=15 {
            let channel = if offset % 2 == 0 { "a" } else { "b" };
            history.push(offset, &[event(channel, offset)]);
        }
        assert_eq!(history.floor(), 12);
        assert_eq!(offsets(&history, "a", 11), Err(Evicted));
        assert_eq!(offsets(&history, "a", 12), Ok(vec![14]));
        assert_eq!(offsets(&history, "b", 12), Ok(vec![13, 15]));
        assert_eq!(offsets(&history, "b", 13), Ok(vec![15]));
        assert_eq!(offsets(&history, "b", 99), Ok(vec![]));
        assert_eq!(offsets(&history, "c", 12), Ok(vec![]));
    }

    #[test]
    fn bytes_are_bounded_too_and_empty_channels_are_forgotten() {
        let mut history = History::new(0, &Limits { history_bytes: 1_000, ..Limits::default() });
        for offset in 1..=100 {
            history.push(offset, &[event(&format!("c{offset}"), offset)]);
        }
        assert!(history.bytes <= 1_000);
        assert_eq!(history.channels.len(), history.entries.len());
    }
}
