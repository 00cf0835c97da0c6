//! Message types for tests, one of each delivery class.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use tidewire::{
    ErrorCode, LiveError,
    contract::{Delivery, Message},
    server::Builder,
};

/// Durable, on `order:…`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shipped {
    pub number: u64,
    #[serde(default)]
    pub note: String,
}

impl Message for Shipped {
    const PREFIX: &'static str = "order";
    const DELIVERY: Delivery = Delivery::Durable;
}

/// The newest of each person, on `cursor:…`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    pub who: String,
    pub at: u64,
    #[serde(default)]
    pub pad: String,
}

impl Message for Cursor {
    const PREFIX: &'static str = "cursor";
    const DELIVERY: Delivery = Delivery::Latest;

    fn key(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.who)
    }
}

/// Lossy, on `nudge:…`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nudge {
    pub number: u64,
    #[serde(default)]
    pub pad: String,
}

impl Message for Nudge {
    const PREFIX: &'static str = "nudge";
    const DELIVERY: Delivery = Delivery::Lossy;
}

/// A type whose author forgot a case, on `fragile:…`.
#[derive(Clone, Debug, Serialize)]
pub struct Fragile(u64);

impl<'de> Deserialize<'de> for Fragile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        Ok(Self(100 / number))
    }
}

impl Message for Fragile {
    const PREFIX: &'static str = "fragile";
    const DELIVERY: Delivery = Delivery::Lossy;
}

/// Declares all of them.
pub fn declare(builder: Builder) -> Builder {
    let checked = builder.messages_checked(|who, cursor: &mut Cursor| {
        if cursor.at == u64::MAX {
            return Err(LiveError::new(ErrorCode::PermissionDenied, "nobody is there"));
        }
        cursor.who = who.id().to_string();
        Ok(())
    });
    checked.messages::<Shipped>().messages::<Nudge>().messages::<Fragile>()
}
