//! Tests of what a list does when the page becomes somebody else's.

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    id: i64,
}

impl Live for Note {
    const RESOURCE: &'static str = "note";
    const TABLE: &'static str = "notes";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }
}

fn list() -> LiveList<Note> {
    let state = State {
        rows: Rows::new(Strategy::Replace, None),
        slots: HashMap::new(),
        next_slot: 0,
        compare: |a: &Note, b: &Note| a.id.cmp(&b.id),
        reload: None,
    };
    LiveList {
        state: StoredValue::new(state),
        order: RwSignal::new(Vec::new()),
        status: RwSignal::new(Status::Loading),
    }
}

#[test]
fn spec_sy5_a_list_forgets_at_once_what_somebody_else_saw() {
    Owner::new().with(|| {
        let list = list();
        let at = |offset| Position::new(1, offset);
        let rows = [1, 2].map(|id| Note { id }).to_vec();
        list.load(Ok(Snapshot { position: at(5), rows }));
        let shown = || {
            let slots = list.order.get_untracked();
            let ids = slots.iter().filter_map(Slot::cell::<Note>);
            ids.map(|cell| cell.value.read_untracked().id).collect::<Vec<_>>()
        };
        // Any other gap leaves the rows until newer ones are there.
        let gap = ClientEvent::Resync { reason: ResyncReason::TooOld, position: at(7) };
        assert!(list.take(gap));
        assert_eq!((shown(), list.status.get_untracked()), (vec![1, 2], Status::Ready));
        let other = ClientEvent::Resync { reason: ResyncReason::Permission, position: at(5) };
        assert!(list.take(other), "it has to be loaded again");
        assert_eq!((shown(), list.status.get_untracked()), (vec![], Status::Loading));
        list.load(Err(Refusal::Gone));
        assert_eq!((shown(), list.get(&1)), (vec![], None));
        list.load(Ok(Snapshot { position: at(3), rows: vec![Note { id: 2 }] }));
        assert_eq!((shown(), list.status.get_untracked()), (vec![2], Status::Ready));
    });
}
