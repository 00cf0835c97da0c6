//! The product over real sockets, real database files and real processes: one file a subject.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod changes;
mod crash;
mod delivery;
mod document;
mod event_stream;
mod fallback;
mod hooks;
mod keys;
mod lifecycle;
mod limits;
mod matrix;
mod messages;
mod numbers;
mod off;
mod pages;
mod presence;
mod protocol;
mod queries;
mod query_return;
mod recovery;
mod refusals;
mod revalidation;
mod revocation_ends;
mod revocation_log;
mod revocation_time;
mod row_policy;
mod slow_reader;
mod slow_stream;
mod tickets;
mod tokens;
mod visitors;
mod web_csrf;
mod web_headers;
mod web_leaks;
mod web_markup;
mod web_production;
mod web_slow;
