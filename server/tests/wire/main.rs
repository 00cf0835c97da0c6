//! The product over real sockets, real database files and real processes: one file a subject.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod changes;
mod crash;
mod document;
mod lifecycle;
mod pages;
mod presence;
mod protocol;
mod recovery;
mod slow_reader;
mod visitors;
