//! Switches logging on and off for a table, and keeps its triggers as its columns are.
//!
//! `sqlite_master` alone says which tables are followed: it changes in the transaction that makes or
//! drops the triggers, and a table that is dropped takes its triggers along.

use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};

use super::{
    LogError,
    table::{check_schema, describe, ident, resolve},
    triggers::{PREFIX, Trigger, triggers},
};

/// Makes or refreshes a table's triggers.
pub(super) async fn enable(writer: &SqlitePool, schema: &str, table: &str) -> Result<(), LogError> {
    check_schema(schema)?;
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    let name = resolve(&mut tx, table).await?;
    install(&mut tx, name.clone()).await?;
    if forget_off(&mut tx, &name).await? {
        // What happened meanwhile is in no entry. This one cannot be read, and says so to everybody.
        sqlx::query("INSERT INTO tidewire_log (at_ms, tbl, op) VALUES (0, $1, 'GAP')")
            .bind(&name)
            .execute(&mut *tx)
            .await?;
    }
    Ok(tx.commit().await?)
}

/// Drops a table's triggers.
pub(super) async fn disable(
    writer: &SqlitePool,
    schema: &str,
    table: &str,
) -> Result<(), LogError> {
    check_schema(schema)?;
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    let name = resolve(&mut tx, table).await?;
    remove(&mut tx, &name).await?;
    sqlx::query("INSERT OR REPLACE INTO tidewire_meta (key, value) VALUES ($1, '')")
        .bind(off_key(&name))
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Whether the table was followed once and then switched off; it no longer is.
async fn forget_off(conn: &mut SqliteConnection, name: &str) -> Result<bool, sqlx::Error> {
    let forget = sqlx::query("DELETE FROM tidewire_meta WHERE key = $1").bind(off_key(name));
    Ok(forget.execute(conn).await?.rows_affected() > 0)
}

fn off_key(name: &str) -> String {
    format!("off:{name}")
}

/// The followed tables, by name.
pub(super) async fn tables(conn: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT DISTINCT tbl_name FROM sqlite_master \
         WHERE type = 'trigger' AND substr(name, 1, length($1)) = $1 ORDER BY tbl_name",
    )
    .bind(PREFIX)
    .fetch_all(conn)
    .await
}

/// Makes the table's triggers unless they are there as they should be.
///
/// Triggers run newest first, so ours have to be the newest: a user's own trigger that changes the
/// row again is then logged after the change that caused it, not before.
pub(super) async fn install(conn: &mut SqliteConnection, name: String) -> Result<(), sqlx::Error> {
    let table = describe(conn, name).await?;
    let wanted = triggers(&table);
    let found = existing(conn, &table.name).await?;
    let ours = found.iter().filter(|trigger| trigger.name.starts_with(PREFIX)).count();
    if ours == wanted.len() && found.ends_with(&wanted) {
        return Ok(());
    }
    remove(conn, &table.name).await?;
    for Trigger { sql, .. } in wanted {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Drops the table's triggers, also those with the name of an older table name.
pub(super) async fn remove(conn: &mut SqliteConnection, table: &str) -> Result<(), sqlx::Error> {
    for Trigger { name, .. } in existing(conn, table).await? {
        if name.starts_with(PREFIX) {
            let drop = format!("DROP TRIGGER {}", ident(&name));
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *conn).await?;
        }
    }
    Ok(())
}

/// Every trigger of the table, oldest first.
async fn existing(conn: &mut SqliteConnection, table: &str) -> Result<Vec<Trigger>, sqlx::Error> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, sql FROM sqlite_master \
         WHERE type = 'trigger' AND tbl_name = $1 COLLATE NOCASE ORDER BY rowid",
    )
    .bind(table)
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(name, sql)| Trigger { name, sql }).collect())
}
