//! Notices that something has to be fetched again: whom they reach, and on which channel they come.

use super::{ChannelName, InvalidChannelName};

/// Whose clients fetch again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Everybody's who shows what the key names.
    All,
    /// Those of one user who has signed in, by the user's id. A client itself need not say who it is: with
    /// it, this is the same as [`Scope::All`].
    User(&'a str),
    /// Those that show it for this room: the room's channel.
    Room(&'a ChannelName),
}

impl Scope<'_> {
    /// The channel that the notices come on: `revalidate:{key}`, or `revalidate:{key}:{room's channel}`.
    ///
    /// # Errors
    /// [`InvalidChannelName`] when the key is not one segment, such as `todos.list`, or the name would be
    /// too long.
    pub fn channel(&self, key: &str) -> Result<ChannelName, InvalidChannelName> {
        if key.contains(':') {
            return Err(InvalidChannelName);
        }
        match self {
            Self::All | Self::User(_) => ChannelName::new(&["revalidate:", key].concat()),
            Self::Room(room) => {
                ChannelName::new(&["revalidate:", key, ":", room.as_str()].concat())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_ig3_each_room_has_a_channel_of_its_own() {
        let room = ChannelName::new("room:general").unwrap();
        let name = |scope: Scope<'_>, key| scope.channel(key).map(|name| name.to_string());
        assert_eq!(name(Scope::All, "todos.list").as_deref(), Ok("revalidate:todos.list"));
        assert_eq!(name(Scope::User("7"), "todos.list"), name(Scope::All, "todos.list"));
        let of_room = name(Scope::Room(&room), "todos.list");
        assert_eq!(of_room.as_deref(), Ok("revalidate:todos.list:room:general"));
        // Nobody passes for a room.
        assert!(name(Scope::All, "todos.list:room:general").is_err());
        assert!(name(Scope::All, "").is_err());
    }
}
