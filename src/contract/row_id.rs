//! A row's key: a UUID of version 7, made by whoever makes the row, so that sending it twice makes
//! one row.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A primary key. Newer ones sort after older ones. Text in SQLite and in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowId(Uuid);

impl RowId {
    /// A new key.
    #[expect(clippy::new_without_default, reason = "every call makes another one")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RowId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod sqlite {
    use sqlx::{
        Decode, Encode, Sqlite, Type,
        encode::IsNull,
        error::BoxDynError,
        sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef},
    };

    use super::RowId;

    impl Type<Sqlite> for RowId {
        fn type_info() -> SqliteTypeInfo {
            <str as Type<Sqlite>>::type_info()
        }

        fn compatible(info: &SqliteTypeInfo) -> bool {
            <str as Type<Sqlite>>::compatible(info)
        }
    }

    impl Encode<'_, Sqlite> for RowId {
        fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
            <String as Encode<'_, Sqlite>>::encode(self.to_string(), buffer)
        }
    }

    impl<'r> Decode<'r, Sqlite> for RowId {
        fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
            Ok(<&str as Decode<'r, Sqlite>>::decode(value)?.parse()?)
        }
    }
}
