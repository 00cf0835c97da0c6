//! Each rule by itself.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Value, value::to_raw_value};

use super::{
    errors::Errors,
    note::{Note, SCHEMA},
};
use crate::{
    client::{ClientEvent, NativeSubscription},
    contract::{Change, ChannelName, Limits, Live, Op, Position, ResyncReason},
    server::{
        Identity, Permissions, RowPolicy, ServerEvent,
        hub::Hub,
        log::Entry,
        queue::{Queue, Queued},
        routing::Routing,
    },
    sql,
    testing::TestBed,
};

fn name(text: &str) -> ChannelName {
    ChannelName::new(text).unwrap()
}

fn note(owner: &str, shared: bool) -> Note {
    let (id, owner, body) = ("7".into(), owner.into(), "<secret>".into());
    Note { id, owner, shared, room: 1, body }
}

fn entry<T: Live>(offset: u64, op: Op, old: Option<&T>, new: Option<&T>) -> Entry {
    let row = |row: Option<&T>| row.map(|row| to_raw_value(row).unwrap());
    let mut entry = Entry::for_tests(offset, T::TABLE, op);
    entry.row_id = Some("7".into());
    (entry.old_record, entry.record) = (row(old), row(new));
    entry
}

/// A hub with one resource, and queues of these people on a channel.
fn listening<T: RowPolicy>(channel: &str, who: &[Identity]) -> (Hub, Vec<Arc<Queue>>) {
    let mut routing = Routing::default();
    routing.add_guarded::<T>();
    routing.set_tables([T::TABLE.to_owned()].into());
    let limits = Limits::default();
    let hub = Hub::new(1, 0, &limits, Arc::new(routing));
    let queues: Vec<_> =
        who.iter().map(|who| Arc::new(Queue::new(&limits).of(who.clone()))).collect();
    for queue in &queues {
        hub.subscribe(&name(channel), None, queue, |_, _, _| Vec::new()).ok().unwrap();
    }
    (hub, queues)
}

/// The payloads that wait, and where their frames are in memory.
fn waiting(queue: &Queue) -> Vec<(Change<Value>, *const u8)> {
    let events = queue.take().into_iter().filter_map(|frame| match frame {
        Queued::Event(event, _) => Some(event),
        _ => None,
    });
    let read = |payload: &str| serde_json::from_str(payload).unwrap();
    events.map(|event| (read(event.payload().1.get()), event.frame().as_ptr())).collect()
}

#[test]
fn spec_fb9_ten_thousand_subscribers_cost_three_encodings_and_get_their_part_alone() {
    let people = ["ann", "bob", "cat", "auditor"];
    let may = Permissions::parse(["read:notes:all"]).unwrap();
    let who: Vec<_> = (0..10_000)
        .map(|n| match people[n % 4] {
            "auditor" => Identity::service("auditor").limited_to(may.clone()),
            user => Identity::user(user),
        })
        .collect();
    let (hub, queues) = listening::<Note>("resource:note", &who);
    hub.publish(vec![entry(1, Op::Update, Some(&note("ann", false)), Some(&note("bob", false)))]);
    let mut frames = HashSet::new();
    for (queue, who) in queues.iter().zip(&who) {
        let mut seen = waiting(queue);
        if &**who.id() == "cat" {
            assert!(seen.is_empty());
            continue;
        }
        let (change, frame) = seen.pop().unwrap();
        assert!(seen.is_empty());
        frames.insert(frame);
        let (op, old, new) = match &**who.id() {
            "ann" => (Op::Delete, true, false),
            "bob" => (Op::Insert, false, true),
            _ => (Op::Update, true, true),
        };
        assert_eq!(change.op, op);
        assert_eq!((change.old_record.is_some(), change.record.is_some()), (old, new));
    }
    assert_eq!(frames.len(), 3, "each of the three is encoded once and shared");
}

/// Its rule fails for some.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Fragile {
    id: i64,
    text: String,
}

impl Live for Fragile {
    const RESOURCE: &'static str = "fragile";
    const TABLE: &'static str = "fragiles";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }
}

impl RowPolicy for Fragile {
    fn may_see(&self, who: &Identity) -> bool {
        assert!(self.text != "secret" || &**who.id() == "ann", "a rule that does not hold");
        true
    }
}

#[test]
fn spec_sy6_a_rule_that_panics_hides_the_row_and_is_said_once_without_the_row() {
    let who: Vec<_> = ["ann", "bob", "cat"].map(Identity::user).into();
    let (hub, queues) = listening::<Fragile>("fragile:7", &who);
    let row = |text: &str| Fragile { id: 7, text: text.into() };
    let errors = Errors::collect();
    hub.publish(vec![
        entry(1, Op::Insert, None, Some(&row("open"))),
        entry(2, Op::Update, Some(&row("open")), Some(&row("secret"))),
        entry(3, Op::Delete, Some(&row("secret")), None),
    ]);
    let ops = |queue: &Queue| waiting(queue).iter().map(|(c, _)| c.op).collect::<Vec<_>>();
    assert_eq!(ops(&queues[0]), [Op::Insert, Op::Update, Op::Delete]);
    for queue in &queues[1..] {
        assert_eq!(ops(queue), [Op::Insert, Op::Delete], "what is in doubt is not shown");
    }
    let lines = errors.take();
    assert_eq!(lines.len(), 2, "one of each change, not of each subscriber: {lines:?}");
    assert!(lines.iter().all(|line| line.contains("fragile") && !line.contains("secret")));
}

#[test]
fn spec_sy4_a_resource_that_is_not_guarded_costs_no_look_at_who_reads() {
    let mut routing = Routing::default();
    routing.add::<Note>();
    let entry = Arc::new(entry(1, Op::Insert, None, Some(&note("ann", false))));
    let events = routing.route(&entry).events(Position::new(1, 1), &entry, |_| true);
    let queue = Queue::new(&Limits::default()).of(Identity::guest("bob"));
    assert_eq!(events.len(), 6);
    for event in &events {
        assert!(event.is_for_all());
        assert!(Arc::ptr_eq(queue.sees(event).unwrap(), event), "everybody shares the one event");
    }
}

async fn next(events: &mut NativeSubscription) -> ClientEvent {
    events.next().await.expect("it goes on")
}

/// The next change, as what it is and whether it has the old and the new row.
async fn change(events: &mut NativeSubscription) -> (Op, bool, bool) {
    loop {
        match next(events).await {
            ClientEvent::Change { payload, .. } => {
                let change: Change<Note> = serde_json::from_str(payload.get()).unwrap();
                return (change.op, change.old_record.is_some(), change.record.is_some());
            }
            ClientEvent::Ready { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn write(bed: &TestBed, statement: &'static str) -> Position {
    let mut tx = bed.realtime().database().write().await.unwrap();
    sql!(tx, |db| sqlx::raw_sql(statement).execute(db)).unwrap();
    tx.commit::<()>(None).await.unwrap().position
}

#[tokio::test]
async fn spec_fb9_a_row_that_does_not_fit_its_type_is_nobodys_and_resyncs_live_and_in_replay() {
    let errors = Errors::collect();
    let limits = Limits { history_events: 2, ..Limits::default() };
    let bed = TestBed::start(SCHEMA, |server| server.guarded::<Note>().limits(limits)).await;
    let since = write(&bed, "INSERT INTO notes VALUES ('7', 'ann', 1, 1, 'fits')").await;
    let client = bed.client_as(Identity::user("ann"));
    let concerned = ["resource:note", "table:public.notes", "note:7", "room:1", "room:2"];
    let mut live: Vec<_> =
        concerned.iter().map(|channel| client.subscribe(&name(channel), Some(since))).collect();
    let mut elsewhere = client.subscribe(&name("note:8"), Some(since));
    for events in live.iter_mut().chain([&mut elsewhere]) {
        assert!(matches!(next(events).await, ClientEvent::Ready { .. }));
    }
    let bad = "INSERT INTO notes VALUES ('8', 'ann', 'neither', 1, 'hidden away');
               DELETE FROM notes WHERE id = '8'; UPDATE notes SET shared = 'perhaps', room = 2";
    write(&bed, bad).await;
    for events in &mut live {
        let event = next(events).await;
        let ClientEvent::Resync { reason, .. } = event else { panic!("{event:?}") };
        assert_eq!(reason, ResyncReason::Unreadable);
    }
    let event = next(&mut elsewhere).await;
    assert!(matches!(event, ClientEvent::Resync { .. }), "{event:?}");
    // From the log itself, whose ring has begun anew.
    let again = bed.client_as(Identity::user("ann"));
    for channel in concerned {
        let mut events = again.subscribe(&name(channel), Some(since));
        let event = next(&mut events).await;
        let ClientEvent::Resync { reason, .. } = event else { panic!("{channel} {event:?}") };
        assert_eq!(reason, ResyncReason::Unreadable, "{channel}");
    }
    let lines = errors.take();
    let fitting = |line: &String| line.contains("does not fit") && !line.contains("hidden");
    assert!(!lines.is_empty() && lines.iter().all(fitting), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("neither") || line.contains("perhaps")));
    // It goes on behind it.
    write(&bed, "UPDATE notes SET shared = 1, owner = 'bob'").await;
    let head = write(&bed, "UPDATE notes SET body = 'fits again'").await;
    while bed.realtime().hub().head() != head {
        tokio::task::yield_now().await;
    }
    let mut after = again.subscribe(&name("resource:note"), Some(head));
    assert!(matches!(next(&mut after).await, ClientEvent::Ready { .. }));
    write(&bed, "UPDATE notes SET shared = 0").await;
    while change(&mut after).await != (Op::Delete, true, false) {}
    drop((client, again, live, elsewhere, after));
    bed.finish().await;
}

#[tokio::test]
async fn spec_fb9_what_a_resource_that_is_left_out_guards_stays_guarded() {
    let bed = TestBed::start(SCHEMA, |server| server.guarded::<Note>()).await;
    let server = crate::server::Realtime::builder(bed.realtime().database().clone())
        .policy(crate::testing::OpenPolicy)
        .guarded::<Note>()
        .resource::<Other>();
    write(&bed, "CREATE TABLE others (id INTEGER PRIMARY KEY)").await;
    let server = server.only(&["other".into()]).start().await.unwrap();
    let channel = name("table:public.notes");
    let queues =
        ["ann", "bob"].map(|who| Arc::new(Queue::new(&Limits::default()).of(Identity::user(who))));
    for queue in &queues {
        server.hub().subscribe(&channel, None, queue, |_, _, _| Vec::new()).ok().unwrap();
    }
    let written = write(&bed, "INSERT INTO notes VALUES ('7', 'ann', 0, 1, 'hers')").await;
    while server.hub().head() != written {
        // Two servers in one process share what wakes them.
        server.log().wake();
        tokio::task::yield_now().await;
    }
    assert_eq!(queues.map(|queue| waiting(&queue).len()), [1, 0]);
    server.stop().await;
    bed.finish().await;
}

#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Other {
    id: i64,
}

impl Live for Other {
    const RESOURCE: &'static str = "other";
    const TABLE: &'static str = "others";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }
}

#[tokio::test]
async fn spec_sy10_the_servers_own_code_sees_every_row() {
    let bed = TestBed::start(SCHEMA, |server| server.guarded::<Note>()).await;
    let mut notes = bed.realtime().subscribe_to_changes(&Note::all(), None).await.unwrap();
    write(&bed, "INSERT INTO notes VALUES ('7', 'ann', 0, 1, 'hers')").await;
    write(&bed, "UPDATE notes SET owner = 'bob'").await;
    for op in [Op::Insert, Op::Update] {
        let Some(ServerEvent::Event { event, .. }) = notes.next().await else { panic!() };
        assert_eq!((event.op, event.old_record.is_some()), (op, op == Op::Update));
    }
    drop(notes);
    bed.finish().await;
}
