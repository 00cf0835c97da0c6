//! Where in the change log a snapshot or an event stands.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A place in the change log: every event with a higher offset of the same epoch comes after it.
///
/// Opaque to clients (on the wire it is a string such as `9f86d081884c7d65-1042`), comparable on the
/// server. The epoch names one life of the log: when the log is made anew, so is its epoch, and
/// positions of the old one are answered with `resync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Drawn at random when the log is created.
    pub epoch: u64,
    /// The number of the last entry that is included; 0 is the start of the log.
    pub offset: u64,
}

/// The text is not a position that a server has handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position")]
pub struct InvalidPosition;

impl Position {
    /// A position from its two parts.
    pub const fn new(epoch: u64, offset: u64) -> Self {
        Self { epoch, offset }
    }

    /// Whether this position lies after `other`. Positions of different epochs are not comparable:
    /// the newer epoch is unknown here, so anything of another epoch counts as after.
    pub fn is_after(self, other: Self) -> bool {
        self.epoch != other.epoch || self.offset > other.offset
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (epoch, offset) = text.split_once('-').ok_or(InvalidPosition)?;
        let digits =
            |s: &str, radix| !s.is_empty() && s.len() <= 20 && s.chars().all(|c| c.is_digit(radix));
        if epoch.len() != 16 || !digits(epoch, 16) || !digits(offset, 10) {
            return Err(InvalidPosition);
        }
        Ok(Self {
            epoch: u64::from_str_radix(epoch, 16).map_err(|_| InvalidPosition)?,
            offset: offset.parse().map_err(|_| InvalidPosition)?,
        })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_the_wire() {
        for position in [Position::new(0, 0), Position::new(u64::MAX, u64::MAX)] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "-", "1-2", "00000000000000zz-1", "0000000000000000-", "0000000000000000--1"]
        {
            assert_eq!(text.parse::<Position>(), Err(InvalidPosition), "{text}");
        }
    }
}
