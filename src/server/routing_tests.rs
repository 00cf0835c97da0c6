//! Tests of where changes and messages go.

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Message {
    id: i64,
    room: String,
}

impl Live for Message {
    const RESOURCE: &'static str = "message";
    const TABLE: &'static str = "messages";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn scopes(&self) -> Vec<ChannelName> {
        ChannelName::record("room", &self.room).into_iter().collect()
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Twice(i64);

impl Live for Twice {
    const RESOURCE: &'static str = "t";
    const TABLE: &'static str = "twice";
    type Id = i64;

    fn id(&self) -> i64 {
        self.0
    }

    fn scopes(&self) -> Vec<ChannelName> {
        ["user:1", "user:1", "t:7"].into_iter().flat_map(ChannelName::new).collect()
    }
}

fn route(op: Op, old: Option<&str>, new: Option<&str>) -> Vec<(String, Op)> {
    let mut routing = Routing::default();
    routing.add::<Message>();
    let row = |room: &str| {
        serde_json::value::to_raw_value(&Message { id: 7, room: room.into() }).unwrap()
    };
    let mut entry = Entry::for_tests(1, "messages", op);
    entry.row_id = Some("7".into());
    entry.old_record = old.map(row);
    entry.record = new.map(row);
    routing.route(&entry).channels.into_iter().map(|(name, op)| (name.to_string(), op)).collect()
}

#[test]
fn spec_bq1_a_change_reaches_table_resource_and_record_channels() {
    let routes = route(Op::Insert, None, Some("a"));
    for name in
        ["table:public.messages", "table:main.messages", "resource:message", "message:7", "room:a"]
    {
        assert!(routes.contains(&(name.into(), Op::Insert)), "{name} in {routes:?}");
    }
}

#[test]
fn a_row_that_names_a_channel_twice_is_one_event_there() {
    let mut routing = Routing::default();
    routing.add::<Twice>();
    let mut entry = Entry::for_tests(1, "twice", Op::Insert);
    entry.row_id = Some("7".into());
    entry.record = Some(RawValue::from_string("7".into()).unwrap());
    let routes = routing.route(&entry);
    let names: Vec<_> = routes.channels.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["table:public.twice", "table:main.twice", "resource:t", "t:7", "user:1"]);
    assert!(!routes.is_lossy());

    entry.record = Some(RawValue::from_string("\"no number\"".into()).unwrap());
    assert!(routing.route(&entry).lost == Lost::Scopes, "its scopes cannot be known");
}

#[test]
fn a_message_goes_to_its_channel_alone_and_never_passes_for_a_change() {
    let mut routing = Routing::default();
    routing.add::<Message>();
    routing.set_tables(["messages".to_owned()].into());
    let name = |text| ChannelName::new(text).unwrap();
    let mut entry = Entry::for_tests(1, "", Op::Update);
    for (channel, handed_out) in [
        ("room:a", true),
        ("messages", true),
        ("message:7", false),
        ("resource:message", false),
        ("table:public.messages", false),
    ] {
        entry.message = Some(name(channel));
        assert_eq!(routing.can_route(&entry), handed_out, "{channel}");
        let routes: Vec<_> = routing.route(&entry).channels;
        assert_eq!(routes, [(name(channel), Op::Update)]);
        assert!(routing.may_concern(&entry, &name(channel)));
        assert!(!routing.may_concern(&entry, &name("room:b")));
    }
    entry.message = None;
    entry.unreadable = true;
    for channel in ["room:b", "resource:message", "query:any"] {
        assert!(routing.may_concern(&entry, &name(channel)), "its channel is not known");
    }
}

#[test]
fn a_resource_that_is_left_out_keeps_its_name() {
    let mut routing = Routing::default();
    routing.add::<Message>();
    routing.add::<Twice>();
    assert!(routing.retain(&["boat".into()]).is_err());
    routing.retain(&["t".into()]).unwrap();
    assert!(routing.leaves_out("message") && !routing.has_resource("message"));
    assert!(!routing.leaves_out("t") && !routing.leaves_out("room"));
    assert!(!routing.may_be_scope(&ChannelName::new("message:7").unwrap()));
}

#[test]
fn a_row_that_moves_leaves_one_scope_and_enters_the_other() {
    let routes = route(Op::Update, Some("a"), Some("b"));
    assert!(routes.contains(&("room:b".into(), Op::Insert)));
    assert!(routes.contains(&("room:a".into(), Op::Delete)));
    assert!(routes.contains(&("resource:message".into(), Op::Update)));
}
