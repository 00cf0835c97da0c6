//! Tests of the database on real SQLite files.

mod migrations;
mod opening;
mod transactions;
