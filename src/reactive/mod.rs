//! The Leptos side: the page's connection, lists of row signals, and forms that show their effect at
//! once.
//!
//! `connection` is the provider at the root; `live_list` loads a snapshot (`load`, awaited on the
//! server by `loaded`), follows its channel and keeps a signal per row (`row`); `live_for` renders
//! them; `live_value` keeps one value by a live query or a server function; `writer` and `form` send writes by plain HTML forms.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(
        dead_code,
        reason = "what only a browser calls is still compiled and tested on the server's side"
    )
)]

mod answer;
mod connection;
mod fetch;
mod fields;
mod form;
mod frames;
mod listen;
mod live_for;
mod live_list;
mod live_value;
mod load;
mod load_value;
mod loaded;
mod platform;
mod posted;
mod presence;
mod present;
mod row;
mod shared;
mod slot;
mod timer;
mod typing;
mod writer;

pub use connection::{LiveAddress, LiveConnection, provide_live, use_connection};
pub use fields::Fields;
pub use form::LiveForm;
pub use frames::FrameNote;
pub use listen::{Cache, Subscription};
pub use live_for::LiveFor;
pub use live_list::{LiveList, Status};
pub use live_value::{LiveValue, Value};
pub use load::Load;
pub use load_value::LoadValue;
pub use loaded::Loaded;
pub use posted::{Posted, posted, refused};
pub use presence::{PresenceData, PresenceList, use_presence};
pub use row::Row;
pub use shared::shared;
pub use typing::{Typing, TypingLine, use_typing};
pub use writer::{Failure, Writer};

pub use crate::client::{
    config::{ClientConfig, Transports},
    heard::Heard,
    rows::Optimistic,
    state::{ConnectionState, FailReason},
    strategy::Strategy,
};
pub use crate::contract::Transport;
