//! What the triggers need to know about a table.

use sqlx::SqliteConnection;

use super::{LogError, PUBLIC};

/// A table that can be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name as it was created.
    pub(super) name: String,
    /// Every column that `SELECT *` shows, generated ones too.
    pub(super) columns: Vec<Column>,
    /// The expressions after `NEW.` and `OLD.` that identify a row, quoted; empty when nothing does.
    pub(super) key: Vec<String>,
}

/// A column and how its values become JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What a column's declared type says beyond its values' own types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Each value speaks for itself.
    Plain,
    /// Integers are true or false.
    Boolean,
    /// Text is JSON.
    Json,
}

impl Kind {
    fn declared(declared: &str) -> Self {
        let name = declared.split('(').next().unwrap_or_default().trim();
        match name.to_ascii_uppercase().as_str() {
            "BOOLEAN" | "BOOL" => Self::Boolean,
            "JSON" | "JSONB" => Self::Json,
            _ => Self::Plain,
        }
    }
}

/// Refuses schemas that SQLite does not have.
pub(super) fn check_schema(schema: &str) -> Result<(), LogError> {
    if [PUBLIC, "main"].contains(&schema) {
        Ok(())
    } else {
        Err(LogError::UnknownSchema { schema: schema.into() })
    }
}

/// The table's name as it was created; SQLite compares names without case.
pub(super) async fn resolve(conn: &mut SqliteConnection, table: &str) -> Result<String, LogError> {
    let found: Option<(String, String)> = sqlx::query_as(
        "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND name = $1 COLLATE NOCASE",
    )
    .bind(table)
    .fetch_optional(conn)
    .await?;
    let Some((name, kind)) = found else {
        return Err(LogError::UnknownTable { schema: PUBLIC.into(), table: table.into() });
    };
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("tidewire_") || lower.starts_with("sqlite_") {
        return Err(LogError::Reserved { table: name });
    }
    match kind.as_str() {
        "table" => Ok(name),
        "view" => Err(LogError::NotATable { table: name, kind }),
        _ => Err(LogError::NotATable { table: name, kind: format!("{kind} table") }),
    }
}

/// Describes the table with this exact name.
pub(super) async fn describe(
    conn: &mut SqliteConnection,
    name: String,
) -> Result<Table, sqlx::Error> {
    // `hidden` is 1 for the hidden columns of virtual tables, 2 and 3 for generated columns.
    let found: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT name, type, pk FROM pragma_table_xinfo($1, 'main') WHERE hidden <> 1 ORDER BY cid",
    )
    .bind(&name)
    .fetch_all(conn)
    .await?;
    let mut keyed: Vec<_> = found.iter().filter(|(_, _, pk)| *pk > 0).collect();
    keyed.sort_by_key(|(_, _, pk)| *pk);
    let mut key: Vec<_> = keyed.into_iter().map(|(name, _, _)| ident(name)).collect();
    if key.is_empty() {
        // A table without a declared key has a rowid, unless columns have taken all of its names.
        let free = ["rowid", "_rowid_", "oid"]
            .into_iter()
            .find(|rowid| !found.iter().any(|(name, _, _)| name.eq_ignore_ascii_case(rowid)));
        key.extend(free.map(str::to_owned));
    }
    let columns = found
        .into_iter()
        .map(|(name, declared, _)| Column { name, kind: Kind::declared(&declared) })
        .collect();
    Ok(Table { name, columns, key })
}

/// An identifier, quoted.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string literal, quoted.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
