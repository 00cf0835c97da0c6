//! What both sides compile: names, positions, frames, errors and limits.

pub mod change;
pub mod channel;
pub mod close;
pub mod error;
pub mod limits;
pub mod live;
pub mod message;
pub mod parse;
pub mod position;
pub mod presence;
pub mod protocol;
pub mod query;
pub mod refusal;
pub mod revalidate;
pub mod row_id;
pub mod snapshot;
pub mod transport;

pub use change::{Change, Op};
pub use channel::{Channel, ChannelName, InvalidChannelName};
pub use error::{ErrorCode, LiveError};
pub use limits::Limits;
pub use live::{Live, merge_field};
pub use message::{Delivery, Message};
pub use position::{InvalidPosition, Position};
pub use presence::{PresenceAction, PresenceWish, Present};
pub use protocol::{ClientFrame, ContractVerdict, Hello, ResyncReason, ServerFrame};
pub use query::LiveQuery;
pub use refusal::Refusal;
pub use revalidate::Scope;
pub use row_id::RowId;
pub use snapshot::{Reading, Snapshot, Written};
pub use transport::Transport;
