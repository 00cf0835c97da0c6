//! The two ways in which frames travel.

use serde::{Deserialize, Serialize};

/// How a connection's frames travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Both ways over one WebSocket.
    #[default]
    WebSocket,
    /// Server-sent events down, requests up: where a proxy lets no WebSocket through.
    EventStream,
}
