//! Changes of rows: the SQL that makes them and the entries that they must leave in the log.

use fastrand::Rng;
use tidewire::Op;

use super::{
    item::{Item, Items},
    model::Entry,
    paths::Path,
};

/// A change of one row.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Inserts or updates.
    Put(Item),
    Remove(i64),
    /// Changes a row's key to one that is free.
    Rekey(i64, i64),
    /// `INSERT OR REPLACE`: a delete and an insert, whoever writes.
    Replace(Item),
    /// A row of another table.
    Noise,
}

/// Keys of rows are 1 to this.
const KEYS: i64 = 5;

impl Edit {
    pub fn draw(random: &mut Rng) -> Self {
        match random.u32(0..20) {
            0..10 => Self::Put(item(random)),
            10..14 => Self::Remove(random.i64(1..=KEYS)),
            14..16 => Self::Rekey(random.i64(1..=KEYS), random.i64(1..=KEYS)),
            16..18 => Self::Replace(item(random)),
            _ => Self::Noise,
        }
    }

    /// One that a page can show before the server has answered.
    pub fn draw_optimistic(random: &mut Rng) -> Self {
        match random.u32(0..3) {
            0 => Self::Remove(random.i64(1..=KEYS)),
            _ => Self::Put(item(random)),
        }
    }

    /// The statement, the entries, and `rows` brought up to date.
    pub fn plan(&self, rows: &mut Items) -> Planned {
        let entry = |op, old, new| Entry { op, old, new, readable: true };
        let mut planned = Planned::default();
        match self.clone() {
            Self::Put(item) => {
                let old = rows.insert(item.id, item.clone());
                let moved = old.as_ref().is_some_and(|old| old.room != item.room);
                planned.path = moved.then_some(Path::Moved);
                let (sql, op) = match &old {
                    Some(_) => ("UPDATE items SET room = $2, note = $3 WHERE id = $1", Op::Update),
                    None => ("INSERT INTO items VALUES ($1, $2, $3)", Op::Insert),
                };
                planned.statement = Some((sql, vec![item.id, item.room, item.note]));
                planned.entries.push(entry(op, old, Some(item)));
            }
            Self::Remove(id) => {
                planned.statement = Some(("DELETE FROM items WHERE id = $1", vec![id]));
                let old = rows.remove(&id).map(|old| entry(Op::Delete, Some(old), None));
                planned.entries.extend(old);
            }
            Self::Rekey(id, to) => {
                if rows.contains_key(&to) {
                    return planned;
                }
                let Some(old) = rows.remove(&id) else { return planned };
                let new = Item { id: to, ..old.clone() };
                rows.insert(to, new.clone());
                planned.statement = Some(("UPDATE items SET id = $2 WHERE id = $1", vec![id, to]));
                planned.path = Some(Path::Rekeyed);
                planned.entries.push(entry(Op::Delete, Some(old), None));
                planned.entries.push(entry(Op::Insert, None, Some(new)));
            }
            Self::Replace(item) => {
                let old = rows.insert(item.id, item.clone());
                let sql = "INSERT OR REPLACE INTO items VALUES ($1, $2, $3)";
                planned.statement = Some((sql, vec![item.id, item.room, item.note]));
                planned.path = old.as_ref().map(|_| Path::Replaced);
                planned.entries.extend(old.map(|old| entry(Op::Delete, Some(old), None)));
                planned.entries.push(entry(Op::Insert, None, Some(item)));
            }
            Self::Noise => {
                planned.statement = Some(("INSERT INTO noise VALUES (1)", Vec::new()));
                planned.entries.push(entry(Op::Insert, None, None));
            }
        }
        planned
    }
}

/// What an edit comes to.
#[derive(Default)]
pub struct Planned {
    /// With the values of its parameters.
    pub statement: Option<Statement>,
    pub entries: Vec<Entry>,
    pub path: Option<Path>,
}

/// Fixed text, so that the database prepares it once.
pub type Statement = (&'static str, Vec<i64>);

fn item(random: &mut Rng) -> Item {
    Item { id: random.i64(1..=KEYS), room: random.i64(1..=2), note: random.i64(0..1000) }
}
