//! The product over real sockets, real database files and real processes: one file a subject.

#[path = "../support/mod.rs"]
mod support;

mod accounts_cookies;
mod accounts_forms;
mod accounts_guests;
mod accounts_limits;
mod accounts_sessions;
mod bad_input;
mod changes;
mod crash;
mod delivery;
mod document;
mod event_stream;
mod fallback;
mod hooks;
mod lifecycle;
mod limits;
mod messages;
mod notes;
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
mod slow_reader;
mod slow_stream;
mod visitors;
