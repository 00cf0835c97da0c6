//! What both sides compile: names, positions, frames, errors and limits.

pub mod change;
pub mod channel;
pub mod close;
pub mod error;
pub mod limits;
pub mod live;
pub mod parse;
pub mod position;
pub mod protocol;
pub mod refusal;
pub mod row_id;
pub mod snapshot;

pub use change::{Change, Op};
pub use channel::{Channel, ChannelName, InvalidChannelName};
pub use error::{ErrorCode, LiveError};
pub use limits::Limits;
pub use live::{Live, merge_field};
pub use position::{InvalidPosition, Position};
pub use protocol::{ClientFrame, ContractVerdict, Hello, ResyncReason, ServerFrame};
pub use refusal::Refusal;
pub use row_id::RowId;
pub use snapshot::{Snapshot, Written};
