//! Permissions: what somebody may do beyond the application's rules, or, for a token or a key, at all.

use std::{fmt, str::FromStr, sync::Arc};

use super::policy::Action;
use crate::contract::ChannelName;

/// One permission, as text `read:chat:*`: what may be done, and on which channels.
///
/// The pattern is a channel's name. A `*` stands for a whole segment, and as the last one for all that
/// follow; alone it stands for every channel. There is no `*` within a segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    verb: Verb,
    pattern: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Verb {
    /// Receive events, and see who is there.
    Read,
    /// Send messages, and be shown as present.
    Write,
    /// See statistics.
    Inspect,
}

/// The text is no permission; nothing is guessed from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no permission: write read:, write: or inspect: and a channel's name, in which a segment may be *"
)]
pub struct InvalidPermission(String);

/// A set of permissions. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Permissions(Arc<[Permission]>);

impl Permission {
    /// Whether it covers `action` on `channel`.
    pub fn allows(&self, action: Action, channel: &ChannelName) -> bool {
        let verb = match action {
            Action::Read | Action::SeeUsers => Verb::Read,
            Action::Write | Action::Join => Verb::Write,
            Action::Inspect => Verb::Inspect,
        };
        self.verb == verb && covers(&self.pattern, channel.as_str())
    }
}

impl Permissions {
    /// Reads a list of permissions.
    ///
    /// # Errors
    /// The first that is none: the others are not taken either.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPermission> {
        texts.into_iter().map(str::parse).collect()
    }

    /// Whether one of them covers `action` on `channel`.
    pub fn allow(&self, action: Action, channel: &ChannelName) -> bool {
        self.0.iter().any(|permission| permission.allows(action, channel))
    }

    /// Each of them, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let mut all: Vec<_> = permissions.into_iter().collect();
        // Equal sets are equal however they were written.
        all.sort_unstable();
        all.dedup();
        Self(all.into())
    }
}

impl FromStr for Permission {
    type Err = InvalidPermission;

    fn from_str(text: &str) -> Result<Self, InvalidPermission> {
        let invalid = || InvalidPermission(text.chars().take(100).collect());
        let (verb, pattern) = text.split_once(':').ok_or_else(invalid)?;
        let verb = match verb {
            "read" => Verb::Read,
            "write" => Verb::Write,
            "inspect" => Verb::Inspect,
            _ => return Err(invalid()),
        };
        // With its stars replaced, it has to be a channel's name.
        let segments = pattern.split(':').map(|segment| if segment == "*" { "x" } else { segment });
        let name = segments.collect::<Vec<_>>().join(":");
        ChannelName::new(&name).map_err(|_| invalid())?;
        Ok(Self { verb, pattern: pattern.into() })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.verb {
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::Inspect => "inspect",
        };
        write!(f, "{verb}:{}", self.pattern)
    }
}

fn covers(pattern: &str, channel: &str) -> bool {
    let (mut pattern, mut channel) = (pattern.split(':'), channel.split(':'));
    loop {
        match (pattern.next(), channel.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => {
                let mut rest = pattern.clone();
                if rest.next().is_none() {
                    return true;
                }
            }
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(permission: &str, action: Action, channel: &str) -> bool {
        let channel = ChannelName::new(channel).unwrap();
        permission.parse::<Permission>().unwrap().allows(action, &channel)
    }

    #[test]
    fn spec_sy6_a_permission_covers_what_its_pattern_names_and_nothing_else() {
        for (permission, channel, covered) in [
            ("read:chat:*", "chat:a", true),
            ("read:chat:*", "chat:a:b", true),
            ("read:chat:*", "chat", false),
            ("read:chat:*", "chats:a", false),
            ("read:chat", "chat", true),
            ("read:chat", "chat:a", false),
            ("read:*", "anything:at:all", true),
            ("read:user:*:inbox", "user:7:inbox", true),
            ("read:user:*:inbox", "user:7:outbox", false),
            ("read:user:*:inbox", "user:7", false),
            ("read:user:*:inbox", "user:7:8:inbox", false),
            ("read:user:7:*", "user:70:inbox", false),
            ("read:table:public.todos", "table:public.todos", true),
        ] {
            assert_eq!(
                allows(permission, Action::Read, channel),
                covered,
                "{permission} {channel}"
            );
        }
        for (action, permission) in [
            (Action::Read, "read:a"),
            (Action::SeeUsers, "read:a"),
            (Action::Write, "write:a"),
            (Action::Join, "write:a"),
            (Action::Inspect, "inspect:a"),
        ] {
            for other in ["read:a", "write:a", "inspect:a"] {
                assert_eq!(allows(other, action, "a"), other == permission, "{action:?} {other}");
            }
        }
    }

    #[test]
    fn spec_sy6_a_malformed_pattern_is_refused_and_widens_nothing() {
        for text in [
            "",
            "read",
            "read:",
            ":chat",
            "chat:*",
            "*:chat",
            "*",
            "read:ch*",
            "read:**",
            "read:chat:",
            "read::*",
            "read: chat",
            "READ:chat",
            "read:chat:*x",
            "read:../admin",
            "read:chat,write:chat",
            "read:chat\n",
        ] {
            assert!(text.parse::<Permission>().is_err(), "{text:?}");
        }
        assert!(Permissions::parse(["read:chat", "write:ch*"]).is_err(), "all or none");
    }

    #[test]
    fn equal_sets_are_equal_however_they_are_written() {
        let one = Permissions::parse(["write:b", "read:a", "read:a"]).unwrap();
        let other = Permissions::parse(["read:a", "write:b"]).unwrap();
        assert_eq!(one, other);
        let texts: Vec<_> = one.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["read:a", "write:b"]);
    }
}
