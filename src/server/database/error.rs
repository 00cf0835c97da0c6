//! Why a database could not be opened or migrated.

use std::path::PathBuf;

use crate::server::log::LogError;

/// Why a database could not be opened or migrated. Never shows the address: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The address is of a database that this version does not speak.
    #[error("{scheme} databases are not supported yet; use sqlite://path")]
    Unsupported {
        /// What the address begins with, such as `postgres`.
        scheme: String,
    },
    /// The address has no `://`, or nothing after it.
    #[error("the database's address is not of the form sqlite://path")]
    Address,
    /// A database in memory cannot be shared by a writer and its readers.
    #[error("databases in memory are not supported; use sqlite://path")]
    InMemory,
    /// The folder of the database's file could not be made.
    #[error("the folder {} could not be made", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A migration failed.
    #[error(transparent)]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The change log could not be made.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}
