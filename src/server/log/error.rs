//! What can be wrong with the log or with a table that it should follow.

/// Why the log could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The database has no such table.
    #[error("there is no table {schema}.{table}")]
    UnknownTable {
        /// The schema that was asked for.
        schema: String,
        /// The table that was asked for.
        table: String,
    },
    /// A resource that could not deliver anything as it is declared, or that does not exist.
    #[error("resource {name:?}: {problem}")]
    Resource {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A live query that could not be answered as it is declared.
    #[error("live query {name:?}: {problem}")]
    Query {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A message type whose channels cannot be its own.
    #[error("messages of {prefix:?}: {problem}")]
    Messages {
        /// The first segment of its channels.
        prefix: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// SQLite has one schema, `public` (or `main`).
    #[error("there is no schema {schema}")]
    UnknownSchema {
        /// The schema that was asked for.
        schema: String,
    },
    /// A view or a virtual table: the database cannot tell when its rows change.
    #[error("{table} is a {kind}; only tables can be followed")]
    NotATable {
        /// Its name.
        table: String,
        /// `view`, `virtual table` or `shadow table`.
        kind: String,
    },
    /// The log does not follow itself, nor the database's own tables.
    #[error("{table} is the system's own table")]
    Reserved {
        /// Its name.
        table: String,
    },
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}
