//! What must hold of every decoder, for whatever bytes: shared by the fuzz targets here and by
//! `tests/decoders.rs`, which runs the same properties without a fuzzer.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidewire::{
    Change, ChannelName, ClientFrame, Live, Position, ServerFrame,
    contract::{InvalidChannelName, LiveQuery, PresenceWish, parse, query},
};

/// A frame of a client: what is written is read back, and unknown fields do no harm.
pub fn client_frame(text: &str) {
    let Ok(frame) = parse::client_frame(text) else { return };
    let written = write(&frame);
    for same in [written.as_str(), &with_unknown_field(text)] {
        let again = parse::client_frame(same).expect("what was a frame once is a frame");
        assert_eq!(write(&again), written, "read from {same}");
    }
    if let ClientFrame::Subscribe { channel, since, presence, .. } = frame {
        channel_name(&channel);
        since.as_deref().into_iter().for_each(position);
        presence.iter().for_each(|wish| presence_wish(wish.get()));
    }
}

/// A frame of a server: the same.
pub fn server_frame(text: &str) {
    let Some(frame) = parse::server_frame(text) else { return };
    let written = write(&frame);
    for same in [written.as_str(), &with_unknown_field(text)] {
        let again = parse::server_frame(same).expect("what was a frame once is a frame");
        assert_eq!(write(&again), written, "read from {same}");
    }
    if let ServerFrame::Broadcast { payload, .. } = frame {
        change(payload.get());
    }
}

/// A channel's name: exactly those that the rule allows.
pub fn channel_name(text: &str) {
    let name = ChannelName::new(text);
    assert_eq!(name.is_ok(), is_allowed(text), "{text:?}");
    if let Ok(name) = name {
        assert_eq!(name.as_str(), text);
        assert_eq!(name.to_string().parse(), Ok(name.clone()));
        let json = write(&name);
        assert_eq!(serde_json::from_str::<ChannelName>(&json).ok(), Some(name.clone()));
        _ = name.kind();
    }
}

/// A position: read, written and read again it is the same, and JSON says the same as text.
pub fn position(text: &str) {
    let position: Option<Position> = text.parse().ok();
    let json = serde_json::from_str::<Position>(&write(&text)).ok();
    assert_eq!(position, json);
    if let Some(position) = position {
        assert_eq!(position.to_string().parse(), Ok(position));
        assert!(position.to_string().len() <= text.len(), "leading zeros at most: {text:?}");
    }
}

/// A query's parameters behind the last `:` of its channel.
pub fn query_parameters(segment: &str) {
    let Some(parameters) = query::parameters::<Question>(segment) else { return };
    question(&parameters);
}

/// Parameters make a channel that gives them back, or are too long for one.
pub fn question(parameters: &Question) {
    match parameters.channel() {
        Ok(channel) => {
            channel_name(channel.name().as_str());
            let segment = channel.name().as_str().rsplit(':').next().expect("a segment");
            let again = query::parameters::<Question>(segment).expect("what was written");
            assert_eq!(again, *parameters);
        }
        Err(InvalidChannelName) => assert!(write(parameters).len() > 120),
    }
}

/// The field `presence` of a subscribe.
pub fn presence_wish(text: &str) {
    let Ok(field) = serde_json::from_str::<&RawValue>(text) else { return };
    let Ok(wish) = PresenceWish::read(field) else { return };
    let written = wish.to_field();
    assert_eq!(written.get(), field.get());
    let again = PresenceWish::read(&written).expect("what was a wish once is a wish");
    assert_eq!(std::mem::discriminant(&again), std::mem::discriminant(&wish));
}

/// A change of a row.
pub fn change(text: &str) {
    let Ok(change) = serde_json::from_str::<Change<Row>>(text) else { return };
    let written = write(&change);
    for same in [written.as_str(), &with_unknown_field(text)] {
        let again: Change<Row> = serde_json::from_str(same).expect("what was a change once is one");
        assert_eq!(again, change, "read from {same}");
    }
    let raw: Change<&RawValue> = serde_json::from_str(&written).expect("any row is JSON");
    assert_eq!(write(&raw), written, "the rows may be left as they are");
}

/// Every decoder at once.
pub fn all(text: &str) {
    client_frame(text);
    server_frame(text);
    channel_name(text);
    position(text);
    query_parameters(text);
    presence_wish(text);
    change(text);
}

/// A row with a field of every kind that columns have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub id: i64,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub done: bool,
    #[serde(default)]
    pub count: Option<u64>,
    #[serde(default)]
    pub tags: Vec<String>,
}

impl Live for Row {
    const RESOURCE: &'static str = "row";
    const TABLE: &'static str = "rows";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }
}

/// Parameters of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub n: i64,
    pub text: String,
    pub flags: Vec<bool>,
}

impl LiveQuery for Question {
    const NAME: &'static str = "question";
    type Output = Vec<String>;
}

/// The rule of `docs/protocol.md`, letter by letter.
fn is_allowed(name: &str) -> bool {
    let mut before = b':';
    for letter in name.bytes() {
        let allowed = match letter {
            b':' => before != b':',
            b'.' => before != b':' && before != b'.',
            b'-' | b'@' => before != b':',
            _ => letter == b'_' || letter.is_ascii_alphanumeric(),
        };
        if !allowed {
            return false;
        }
        before = letter;
    }
    before != b':' && name.len() <= 200
}

fn write(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it can be written")
}

/// The object with a field that a newer version may have.
fn with_unknown_field(object: &str) -> String {
    let inner = object.trim_end().strip_suffix('}').expect("an object");
    format!("{inner},\"a field of tomorrow\":[{{\"type\":1}}]}}")
}
