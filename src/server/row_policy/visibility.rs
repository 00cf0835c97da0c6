//! What a change is to somebody who may not see all of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
};

use super::{Row, row::Judge};
use crate::{contract::Op, server::identity::Identity};

/// Who may see the rows of one change.
pub struct Visibility {
    resource: &'static str,
    old: Option<Judge>,
    new: Option<Judge>,
    /// That a row panicked has been said.
    said: AtomicBool,
}

impl Visibility {
    /// Of the row before the change, and after it. A row that does not say who may see it is nobody's.
    pub fn new(resource: &'static str, old: Option<Row>, new: Option<Row>) -> Self {
        let judge = |row: Option<Row>| row.and_then(|row| row.may_see);
        Self { resource, old: judge(old), new: judge(new), said: AtomicBool::new(false) }
    }

    /// What a change is to `who` that is `op` on its channel: a row that comes into sight is an insert,
    /// one that goes out of sight a delete. `None` when they may not know of it.
    pub fn of(&self, op: Op, who: &Identity) -> Option<Op> {
        let old = op != Op::Insert && self.sees(self.old.as_ref(), who);
        let new = op != Op::Delete && self.sees(self.new.as_ref(), who);
        match (old, new) {
            (false, false) => None,
            (true, false) => Some(Op::Delete),
            (false, true) => Some(Op::Insert),
            (true, true) => Some(Op::Update),
        }
    }

    fn sees(&self, row: Option<&Judge>, who: &Identity) -> bool {
        let Some(may_see) = row else { return false };
        catch_unwind(AssertUnwindSafe(|| may_see(who))).unwrap_or_else(|_| {
            // Once, not for each of ten thousand subscribers.
            if !self.said.swap(true, Ordering::Relaxed) {
                let resource = self.resource;
                tracing::error!(resource, "whether a row may be seen panicked: it is not shown");
            }
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change of rows that only these may see; `None` is a row that there is not.
    fn change(old: Option<&'static str>, new: Option<&'static str>) -> Visibility {
        let row = |who: Option<&'static str>| {
            let judge =
                |id: &'static str| -> Judge { Box::new(move |who| id.contains(&**who.id())) };
            who.map(|id| Row { scopes: Vec::new(), may_see: Some(judge(id)) })
        };
        Visibility::new("note", row(old), row(new))
    }

    #[test]
    fn spec_fb9_a_change_is_what_it_is_to_whoever_looks() {
        use Op::{Delete, Insert, Update};
        let (ann, both) = (Some("ann"), Some("ann bob"));
        let (bob, nobody) = (Some("bob"), Some("-"));
        // What it is on its channel, to whom the rows are visible, and what it is to Ann.
        for (op, old, new, seen) in [
            (Insert, None, ann, Some(Insert)),
            (Insert, None, bob, None),
            (Delete, ann, None, Some(Delete)),
            (Delete, bob, None, None),
            (Update, both, both, Some(Update)),
            (Update, bob, ann, Some(Insert)),
            (Update, ann, bob, Some(Delete)),
            (Update, bob, nobody, None),
            // It moved into this channel, or out of it.
            (Insert, ann, ann, Some(Insert)),
            (Insert, bob, ann, Some(Insert)),
            (Insert, ann, bob, None),
            (Delete, ann, ann, Some(Delete)),
            (Delete, ann, bob, Some(Delete)),
            (Delete, bob, ann, None),
        ] {
            let found = change(old, new).of(op, &Identity::user("ann"));
            assert_eq!(found, seen, "{op:?} {old:?} {new:?}");
        }
        let silent = Row { scopes: Vec::new(), may_see: None };
        let unsaid = Visibility::new("note", None, Some(silent));
        assert_eq!(unsaid.of(Insert, &Identity::user("ann")), None, "nobody says that she may");
    }
}
