//! The row type under test: its few rows, and the channels that they belong to.

use std::{fmt, sync::Arc};

use fastrand::Rng;
use serde_json::value::{RawValue, to_raw_value};

use crate::contract::{Change, ChannelName, Live, Op};

/// So few rows that schedules meet the same one again and again.
pub const KEYS: usize = 5;
/// Rows that are drawn to learn which channels they name, and whether the type keeps its promises.
const SAMPLES: usize = 64;
/// Rows that are followed on channels of their own.
const RECORDS: usize = 2;
const SCOPES: usize = 4;

/// Makes a row for a key; the same key has the same id each time.
pub type MakeRow<T> = fn(&mut Rng, u64) -> T;

/// A row type as schedules use it.
pub struct Kind<T: Live> {
    make: MakeRow<T>,
    ids: Vec<T::Id>,
    /// The name of each channel, and the row whose own it is.
    topics: Vec<(ChannelName, Option<usize>)>,
}

/// One of the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(pub usize);

/// A state of a row.
pub struct Row<T> {
    pub value: T,
    pub key: usize,
    pub json: Box<RawValue>,
    /// A bit for each channel that it belongs to.
    topics: u32,
}

/// The rows by key.
pub type Table<T> = [Option<Arc<Row<T>>>; KEYS];

impl<T: Live> Kind<T> {
    /// Draws some rows to learn what there is.
    ///
    /// # Panics
    /// When the rows break a rule without which nothing can be true on any screen: ids that change,
    /// rows that do not survive JSON, a merge that does not take the other side's edit.
    pub fn new(make: MakeRow<T>) -> Self {
        let mut random = Rng::with_seed(7);
        let ids: Vec<T::Id> = (0..KEYS).map(|key| make(&mut random, key as u64).id()).collect();
        for (key, id) in ids.iter().enumerate() {
            assert!(!ids[..key].contains(id), "two keys have the same id, {id}");
        }
        let mut topics = vec![(T::all().name().clone(), None), (T::table().name().clone(), None)];
        for (key, id) in ids.iter().enumerate().take(RECORDS) {
            topics.extend(T::record(id).map(|channel| (channel.name().clone(), Some(key))));
        }
        let own = topics.len();
        let samples: Vec<T> = (0..SAMPLES).map(|n| make(&mut random, (n % KEYS) as u64)).collect();
        for (n, row) in samples.iter().enumerate() {
            assert!(row.id() == ids[n % KEYS], "a key's rows have different ids");
            let json = to_raw_value(row).expect("a row can be written as JSON");
            let back: T = serde_json::from_str(json.get()).expect("its JSON can be read back");
            assert!(back == *row, "a row is not what it was after JSON: {json}");
            if let Some(later) = samples.get(n + KEYS) {
                check_merge(row, later);
            }
            for name in row.scopes() {
                let known = topics.iter().any(|(topic, _)| *topic == name);
                if !known && topics.len() < own + SCOPES {
                    topics.push((name, None));
                }
            }
        }
        Self { make, ids, topics }
    }

    pub fn topics(&self) -> impl ExactSizeIterator<Item = Topic> + use<T> {
        (0..self.topics.len()).map(Topic)
    }

    pub fn name(&self, topic: Topic) -> &ChannelName {
        &self.topics[topic.0].0
    }

    pub fn named(&self, name: &str) -> Option<Topic> {
        self.topics.iter().position(|(topic, _)| topic.as_str() == name).map(Topic)
    }

    /// Whether rows have scopes, and whether edits can be merged.
    pub fn abilities(&self) -> (bool, bool) {
        let draws = |seed| (self.draw(0, seed), self.draw(0, seed + 1), self.draw(0, seed + 2));
        let merges = (0..SAMPLES as u64).map(draws).any(|(base, mine, theirs)| {
            T::merge(&base.value, &mine.value, &theirs.value).is_some()
        });
        let own = self.topics.iter().filter(|(_, record)| record.is_some()).count() + 2;
        (self.topics.len() > own, merges)
    }

    pub fn id(&self, key: usize) -> &T::Id {
        &self.ids[key]
    }

    pub fn key(&self, id: &T::Id) -> Option<usize> {
        self.ids.iter().position(|known| known == id)
    }

    /// The row that a seed makes of a key.
    pub fn draw(&self, key: usize, seed: u64) -> Arc<Row<T>> {
        self.row(key, (self.make)(&mut Rng::with_seed(seed), key as u64))
    }

    /// A row that somebody has made of another, such as by merging.
    pub fn row(&self, key: usize, value: T) -> Arc<Row<T>> {
        let json = to_raw_value(&value).expect("a row can be written as JSON");
        let scopes = value.scopes();
        let topics = self.topics.iter().enumerate().filter(|(at, (name, record))| {
            *at < 2 || *record == Some(key) || scopes.contains(name)
        });
        let topics = topics.fold(0, |bits, (at, _)| bits | 1 << at);
        Arc::new(Row { value, key, json, topics })
    }
}

/// Who has changed nothing takes what the others have made of it.
fn check_merge<T: Live>(base: &T, theirs: &T) {
    if let Some(merged) = T::merge(base, base, theirs) {
        assert!(merged == *theirs, "merging an edit that changes nothing changes theirs");
    }
}

impl<T> Row<T> {
    pub fn is_on(&self, topic: Topic) -> bool {
        self.topics >> topic.0 & 1 == 1
    }

    pub fn has_topics_of(&self, other: &Self) -> bool {
        self.topics == other.topics
    }
}

/// What a change of a row means to those who see only the rows of one channel.
pub fn seen<T: Live>(
    topic: Topic,
    op: Op,
    old: Option<&Arc<Row<T>>>,
    new: Option<&Arc<Row<T>>>,
) -> Option<Change<T>> {
    let was = old.filter(|row| row.is_on(topic));
    let is = new.filter(|row| row.is_on(topic));
    let op = match (op, was, is) {
        (_, None, None) => return None,
        (_, Some(_), None) => Op::Delete,
        (Op::Update, None, Some(_)) => Op::Insert,
        (op, _, Some(_)) => op,
    };
    Some(Change {
        op,
        schema: "public".into(),
        table: T::TABLE.into(),
        record: is.filter(|_| op != Op::Delete).map(|row| row.value.clone()),
        // Who is told of an update gets the whole of it.
        old_record: was.filter(|_| op != Op::Insert).map(|row| row.value.clone()),
    })
}

impl<T> fmt::Debug for Row<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.json.get())
    }
}
