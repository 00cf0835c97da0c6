//! Channel names, validated once, and their typed form `Channel<T>`.

use std::{borrow::Borrow, fmt, marker::PhantomData, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::limits::MAX_CHANNEL_NAME;

/// A validated channel name such as `resource:todo`, `todo:42`, `table:public.products` or
/// `room:general`. Cheap to clone.
///
/// One or more segments joined by `:`; a segment has letters, digits, `_`, `-`, `.` and `@`, starts with
/// none of the last three and has no `..`; at most [`MAX_CHANNEL_NAME`] bytes in all.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

/// The text is no channel name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a channel name has segments of letters, digits, '_', '-', '.' and '@' joined by ':', at most 200 bytes"
)]
pub struct InvalidChannelName;

/// What a channel's first segment says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelKind<'a> {
    /// `table:{schema}.{table}`: every change of one table.
    Table { schema: &'a str, table: &'a str },
    /// `resource:{name}`: every change of one resource.
    Resource(&'a str),
    /// Anything else: a record channel if the first segment is a resource, or a custom channel.
    Other { prefix: &'a str, rest: Option<&'a str> },
}

impl ChannelName {
    /// Checks and wraps `name`.
    ///
    /// # Errors
    /// [`InvalidChannelName`] when the text breaks the rule above.
    pub fn new(name: &str) -> Result<Self, InvalidChannelName> {
        if name.len() > MAX_CHANNEL_NAME || !name.split(':').all(valid_segment) {
            return Err(InvalidChannelName);
        }
        Ok(Self(name.into()))
    }

    /// The channel of one record: `{resource}:{id}`. `None` when the id cannot be part of a name.
    pub fn record(resource: &str, id: &str) -> Option<Self> {
        Self::new(&[resource, ":", id].concat()).ok()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment.
    pub fn prefix(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(prefix, _)| prefix)
    }

    /// What kind of channel the name asks for.
    pub fn kind(&self) -> ChannelKind<'_> {
        match self.0.split_once(':') {
            Some(("table", rest)) => match rest.split_once('.') {
                Some((schema, table)) => ChannelKind::Table { schema, table },
                None => ChannelKind::Table { schema: "public", table: rest },
            },
            Some(("resource", name)) => ChannelKind::Resource(name),
            Some((prefix, rest)) => ChannelKind::Other { prefix, rest: Some(rest) },
            None => ChannelKind::Other { prefix: &self.0, rest: None },
        }
    }
}

fn valid_segment(segment: &str) -> bool {
    let first = segment.as_bytes().first();
    first.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && !segment.contains("..")
        && segment
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'@'))
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl FromStr for ChannelName {
    type Err = InvalidChannelName;

    fn from_str(text: &str) -> Result<Self, InvalidChannelName> {
        Self::new(text)
    }
}

impl Borrow<str> for ChannelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for ChannelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ChannelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(de::Error::custom)
    }
}

/// A channel whose events are of type `T`: for a live resource the rows, otherwise the payload.
///
/// The type is what server and browser share, so that a wrong payload does not compile.
pub struct Channel<T> {
    name: ChannelName,
    events: PhantomData<fn() -> T>,
}

impl<T> Channel<T> {
    /// A typed address from a checked name.
    pub fn new(name: ChannelName) -> Self {
        Self { name, events: PhantomData }
    }

    /// A typed address from text that is known to be right, such as `"room:general"`.
    ///
    /// # Errors
    /// [`InvalidChannelName`] when the text is not a channel name.
    pub fn named(name: &str) -> Result<Self, InvalidChannelName> {
        ChannelName::new(name).map(Self::new)
    }

    /// The address without its type.
    pub fn name(&self) -> &ChannelName {
        &self.name
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Self::new(self.name.clone())
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({:?})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_bq2_names_of_every_kind_are_accepted() {
        for name in [
            "resource:post",
            "post:123",
            "table:public.products",
            "user:7:notifications",
            "notifications",
            "room:general",
        ] {
            assert!(ChannelName::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn bad_names_are_refused() {
        let long = "a".repeat(MAX_CHANNEL_NAME + 1);
        for name in [
            "", ":", "a:", ":a", "../admin", "a/b", "a..b", "room:a b", "-a", ".a", "ä", "a\n",
            &long,
        ] {
            assert_eq!(ChannelName::new(name), Err(InvalidChannelName), "{name:?}");
        }
    }

    #[test]
    fn spec_fb3_table_channels_name_schema_and_table() {
        let name = ChannelName::new("table:inventory.items").unwrap();
        assert_eq!(name.kind(), ChannelKind::Table { schema: "inventory", table: "items" });
    }
}
