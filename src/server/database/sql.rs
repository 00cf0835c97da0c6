//! `sql!`: one SQL text for every engine.

/// Runs a query in a transaction, on whichever database is open: the body is compiled once for each
/// engine and awaited.
///
/// ```ignore
/// let rows = sql!(tx, |conn| sqlx::query_as::<_, Todo>("SELECT * FROM todos WHERE id = $1")
///     .bind(id)
///     .fetch_all(conn))?;
/// ```
///
/// `$1` works on SQLite and on PostgreSQL. `tx` is anything that implements
/// [`Transaction`](crate::server::database::Transaction), or a `&mut` to it.
#[macro_export]
macro_rules! sql {
    ($tx:expr, |$conn:ident| $query:expr $(,)?) => {{
        #[allow(unused_imports)]
        use $crate::server::database::Transaction as _;
        match $tx.connection() {
            $crate::server::database::Connection::Sqlite($conn) => ($query).await,
        }
    }};
}
