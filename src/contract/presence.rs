//! Who is in a channel: users with their data, as frames carry them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{ErrorCode, LiveError};

/// One user of a channel, however many tabs and devices they have open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Present<D = Box<RawValue>> {
    /// Who.
    pub user_id: String,
    /// What the user's newest connection said about them.
    pub data: D,
    /// When the first of the user's connections joined: milliseconds since 1970, UTC.
    pub joined_at: u64,
    /// Whether nobody is looking: every tab of the user is hidden.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
}

impl Present {
    /// The same with typed data; `None` when they are something else.
    pub fn read<D: DeserializeOwned>(self) -> Option<Present<D>> {
        let data = serde_json::from_str(self.data.get()).ok()?;
        let Self { user_id, joined_at, idle, .. } = self;
        Some(Present { user_id, data, joined_at, idle })
    }
}

/// What happened to a user's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceAction {
    /// The user came with their first connection.
    Join,
    /// Their data or idleness changed.
    Update,
    /// Their last connection has been gone for longer than the grace period.
    Leave,
}

/// What a subscriber wants of a channel's presence: the field `presence` of `subscribe`.
#[derive(Clone, Debug)]
pub enum PresenceWish {
    /// To be shown with this data, and to see the others: a JSON object.
    Join(Box<RawValue>),
    /// To see who is there without being shown: `true`.
    Watch,
    /// To know only how many are there: `"count"`.
    Count,
}

impl PresenceWish {
    /// Reads the field.
    ///
    /// # Errors
    /// `malformed_message` when it is something else.
    pub fn read(field: &RawValue) -> Result<Self, LiveError> {
        match field.get() {
            "true" => Ok(Self::Watch),
            "\"count\"" => Ok(Self::Count),
            object if object.starts_with('{') => Ok(Self::Join(field.to_owned())),
            _ => Err(LiveError::new(
                ErrorCode::MalformedMessage,
                "\"presence\" is an object, true or \"count\"",
            )),
        }
    }

    /// The field as it is written.
    pub fn to_field(&self) -> Box<RawValue> {
        match self {
            Self::Join(data) => data.clone(),
            Self::Watch => RawValue::TRUE.to_owned(),
            Self::Count => serde_json::value::to_raw_value("count")
                .unwrap_or_else(|_| RawValue::TRUE.to_owned()),
        }
    }
}
