//! Tests of the client: the pure machines with a virtual clock, the drivers without a network.

mod access;
mod connection;
mod fallback;
mod health;
mod model;
mod native;
mod oracle;
mod presence;
mod subscriptions;
