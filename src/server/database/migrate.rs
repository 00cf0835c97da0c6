//! Migrations that may do anything to a followed table.

use sqlx::migrate::{MigrateError, Migrator};

use super::{DatabaseError, sqlite::Sqlite};
use crate::server::log::ChangeLog;

/// Applies the missing migrations, and brings back the triggers that they have cost.
pub(super) async fn run(sqlite: &Sqlite, migrator: &Migrator) -> Result<(), DatabaseError> {
    let before = sqlite.log.tables().await?;
    let mut result = migrator.run(&sqlite.writer).await;
    if result.as_ref().is_err_and(names_a_trigger) {
        // SQLite does not drop a column that a trigger reads.
        sqlite.log.suspend().await?;
        result = migrator.run(&sqlite.writer).await;
    }
    sqlite.log.resume(&before).await?;
    Ok(result?)
}

fn names_a_trigger(error: &MigrateError) -> bool {
    error.to_string().contains("error in trigger tidewire_")
}
