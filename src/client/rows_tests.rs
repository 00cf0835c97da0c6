//! Tests of the fold.

use serde::{Deserialize, Serialize};

use super::*;
use crate::contract::Op;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Todo {
    id: i64,
    title: String,
}

impl Live for Todo {
    const RESOURCE: &'static str = "todo";
    const TABLE: &'static str = "todos";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }
}

fn todo(id: i64, title: &str) -> Todo {
    Todo { id, title: title.into() }
}

fn at(offset: u64) -> Position {
    Position::new(1, offset)
}

fn change(op: Op, old: Option<Todo>, new: Option<Todo>) -> Change<Todo> {
    Change { op, schema: "public".into(), table: "todos".into(), record: new, old_record: old }
}

fn loaded(strategy: Strategy<Todo>) -> Rows<Todo> {
    loaded_with(strategy, None)
}

fn loaded_with(strategy: Strategy<Todo>, transform: Option<Transform<Todo>>) -> Rows<Todo> {
    let mut rows = Rows::new(strategy, transform);
    rows.load(Snapshot { position: at(10), rows: vec![todo(1, "one"), todo(2, "two")] });
    rows
}

fn shown(rows: &Rows<Todo>) -> Vec<(i64, String)> {
    let mut ids = rows.ids();
    ids.sort();
    ids.iter().map(|id| (*id, rows.get(id).unwrap().title.clone())).collect()
}

fn expect(rows: &Rows<Todo>, want: &[(i64, &str)]) {
    let want: Vec<_> = want.iter().map(|(id, title)| (*id, title.to_string())).collect();
    assert_eq!(shown(rows), want);
}

#[test]
fn changes_are_folded_in() {
    let mut rows = loaded(Strategy::Replace);
    rows.apply(at(11), change(Op::Insert, None, Some(todo(3, "three"))));
    rows.apply(at(12), change(Op::Update, Some(todo(1, "one")), Some(todo(1, "uno"))));
    rows.apply(at(13), change(Op::Delete, Some(todo(2, "two")), None));
    expect(&rows, &[(1, "uno"), (3, "three")]);
}

#[test]
fn a_row_that_changes_its_key_moves() {
    let mut rows = loaded(Strategy::Replace);
    let touched =
        rows.apply(at(11), change(Op::Update, Some(todo(1, "one")), Some(todo(9, "one"))));
    assert_eq!(touched, [1, 9]);
    expect(&rows, &[(2, "two"), (9, "one")]);
}

#[test]
fn spec_ig11_an_optimistic_row_is_replaced_without_a_flicker() {
    let mut rows = loaded(Strategy::Replace);
    let write = rows.begin(Optimistic::Put(todo(3, "mine")));
    assert!(rows.is_pending(&3));
    expect(&rows, &[(1, "one"), (2, "two"), (3, "mine")]);
    // The answer comes first: the row stays although the stream has not brought it yet.
    rows.settle(write, at(12), Some(todo(3, "Mine")));
    assert!(!rows.is_pending(&3));
    expect(&rows, &[(1, "one"), (2, "two"), (3, "Mine")]);
    // An older event of somebody else does not uncover what lies below.
    rows.apply(at(11), change(Op::Insert, None, Some(todo(4, "four"))));
    expect(&rows, &[(1, "one"), (2, "two"), (3, "Mine"), (4, "four")]);
    rows.apply(at(12), change(Op::Insert, None, Some(todo(3, "Mine"))));
    assert!(rows.writes.is_empty());
    expect(&rows, &[(1, "one"), (2, "two"), (3, "Mine"), (4, "four")]);
}

#[test]
fn spec_ig11_the_stream_may_be_faster_than_the_answer() {
    let mut rows = loaded(Strategy::Replace);
    let write = rows.begin(Optimistic::Put(todo(1, "mine")));
    rows.apply(at(11), change(Op::Update, Some(todo(1, "one")), Some(todo(1, "mine"))));
    rows.apply(at(12), change(Op::Update, Some(todo(1, "mine")), Some(todo(1, "theirs"))));
    rows.settle(write, at(11), Some(todo(1, "mine")));
    expect(&rows, &[(1, "theirs"), (2, "two")]);
}

#[test]
fn spec_ig11_a_refused_write_is_rolled_back() {
    let mut rows = loaded(Strategy::Replace);
    let edit = rows.begin(Optimistic::Put(todo(1, "mine")));
    let removal = rows.begin(Optimistic::Remove(2));
    expect(&rows, &[(1, "mine")]);
    assert_eq!(rows.roll_back(edit), [1]);
    assert_eq!(rows.roll_back(removal), [2]);
    expect(&rows, &[(1, "one"), (2, "two")]);
}

#[test]
fn an_id_chosen_by_the_database_takes_the_place_of_the_provisional_one() {
    let mut rows = loaded(Strategy::Replace);
    let write = rows.begin(Optimistic::Put(todo(-1, "new")));
    assert_eq!(rows.settle(write, at(11), Some(todo(3, "new"))), [-1, 3]);
    expect(&rows, &[(1, "one"), (2, "two"), (3, "new")]);
    rows.apply(at(11), change(Op::Insert, None, Some(todo(3, "new"))));
    expect(&rows, &[(1, "one"), (2, "two"), (3, "new")]);
}

#[test]
fn spec_ig11_a_row_that_comes_before_its_answer_is_not_shown_twice() {
    let same = |mine: &Todo, new: &Todo| mine.title == new.title;
    let mut rows = loaded(Strategy::Replace);
    let write = rows.begin(Optimistic::Insert(todo(-1, "new"), same));
    rows.apply(at(11), change(Op::Insert, None, Some(todo(3, "new"))));
    rows.apply(at(12), change(Op::Insert, None, Some(todo(4, "another"))));
    expect(&rows, &[(-1, "new"), (1, "one"), (2, "two"), (4, "another")]);
    assert_eq!(rows.settle(write, at(11), Some(todo(3, "new"))), [-1, 3]);
    expect(&rows, &[(1, "one"), (2, "two"), (3, "new"), (4, "another")]);
    // Somebody else's equal row comes to light when the own one is refused.
    let write = rows.begin(Optimistic::Insert(todo(-2, "equal"), same));
    rows.apply(at(13), change(Op::Insert, None, Some(todo(5, "equal"))));
    assert_eq!(rows.roll_back(write), [-2, 5]);
    expect(&rows, &[(1, "one"), (2, "two"), (3, "new"), (4, "another"), (5, "equal")]);
}

#[test]
fn a_settled_write_ends_when_the_position_passes_without_an_event() {
    let mut rows = loaded(Strategy::Replace);
    let write = rows.begin(Optimistic::Put(todo(1, "same")));
    rows.settle(write, at(15), None);
    assert_eq!(rows.advance(at(15)), [1]);
    expect(&rows, &[(1, "one"), (2, "two")]);
}

#[test]
fn spec_en3_each_strategy_patches_the_list_its_own_way() {
    let update = || change(Op::Update, Some(todo(1, "one")), Some(todo(1, "uno")));
    let insert = || change(Op::Insert, None, Some(todo(3, "three")));
    let delete = || change(Op::Delete, Some(todo(2, "two")), None);
    let after = |strategy, transform| {
        let mut rows = loaded_with(strategy, transform);
        for (offset, change) in [(11, update()), (12, insert()), (13, delete())] {
            rows.apply(at(offset), change);
        }
        rows
    };
    expect(&after(Strategy::Replace, None), &[(1, "uno"), (3, "three")]);
    let merge = |held: &Todo, new: Todo| todo(new.id, &[&held.title, "+", &new.title].concat());
    expect(&after(Strategy::Merge(merge), None), &[(1, "one+uno"), (3, "three")]);
    expect(&after(Strategy::Append, None), &[(1, "one"), (2, "two"), (3, "three")]);
    expect(&after(Strategy::Remove, None), &[]);
    let shout = |row: Todo| (row.id != 1).then(|| todo(row.id, &row.title.to_uppercase()));
    expect(&after(Strategy::Replace, Some(shout)), &[(3, "THREE")]);
}
