//! Changes of rows, and the entries that they leave in the log.

use std::sync::Arc;

use fastrand::Rng;

use super::{
    kind::{KEYS, Kind, Row, Table},
    model::Entry,
    paths::Path,
};
use crate::contract::{Live, Op};

/// A change of one row. Rows are named by the seed that draws them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Inserts or updates.
    Put {
        key: usize,
        row: u64,
    },
    Remove {
        key: usize,
    },
    /// Changes a row's key to one that is free.
    Rekey {
        key: usize,
        to: usize,
        row: u64,
    },
    /// `INSERT OR REPLACE`: a delete and an insert.
    Replace {
        key: usize,
        row: u64,
    },
    /// A row of another table.
    Noise,
}

impl Edit {
    pub fn draw(random: &mut Rng) -> Self {
        let key = random.usize(0..KEYS);
        let row = random.u64(..);
        match random.u32(0..20) {
            0..10 => Self::Put { key, row },
            10..14 => Self::Remove { key },
            14..16 => Self::Rekey { key, to: random.usize(0..KEYS), row },
            16..18 => Self::Replace { key, row },
            _ => Self::Noise,
        }
    }

    /// One that a page can show before the server has answered.
    pub fn draw_optimistic(random: &mut Rng) -> Self {
        let key = random.usize(0..KEYS);
        match random.u32(0..3) {
            0 => Self::Remove { key },
            _ => Self::Put { key, row: random.u64(..) },
        }
    }

    /// The entries, with `table` brought up to date.
    pub fn apply<T: Live>(
        self,
        kind: &Kind<T>,
        table: &mut Table<T>,
    ) -> (Vec<Entry<T>>, Option<Path>) {
        match self {
            Self::Put { key, row } => put(table, kind.draw(key, row)),
            Self::Remove { key } => {
                let old = table[key].take();
                (old.map(|old| Entry::new(Op::Delete, Some(old), None)).into_iter().collect(), None)
            }
            Self::Rekey { key, to, row } => {
                if table[to].is_some() {
                    return Default::default();
                }
                let Some(old) = table[key].take() else { return Default::default() };
                let new = kind.draw(to, row);
                table[to] = Some(new.clone());
                let gone = Entry::new(Op::Delete, Some(old), None);
                (vec![gone, Entry::new(Op::Insert, None, Some(new))], Some(Path::Rekeyed))
            }
            Self::Replace { key, row } => {
                let new = kind.draw(key, row);
                let old = table[key].replace(new.clone());
                let path = old.as_ref().map(|_| Path::Replaced);
                let gone = old.map(|old| Entry::new(Op::Delete, Some(old), None));
                let came = Entry::new(Op::Insert, None, Some(new));
                (gone.into_iter().chain([came]).collect(), path)
            }
            Self::Noise => (vec![Entry::new(Op::Insert, None, None)], None),
        }
    }
}

/// Inserts or updates a row.
pub fn put<T: Live>(table: &mut Table<T>, new: Arc<Row<T>>) -> (Vec<Entry<T>>, Option<Path>) {
    let old = table[new.key].replace(new.clone());
    let moved = old.as_ref().is_some_and(|old| !old.has_topics_of(&new));
    let op = if old.is_some() { Op::Update } else { Op::Insert };
    (vec![Entry::new(op, old, Some(new))], moved.then_some(Path::Moved))
}
