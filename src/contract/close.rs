//! WebSocket close codes: 4000–4499 come back, 4500–4999 do not.

/// The server is stopping; come back within the window that `drain` named.
pub const DRAIN: u16 = 4000;
/// Nothing was heard from the client for too long.
pub const SILENT: u16 = 4001;
/// The client took too long to read.
pub const SLOW: u16 = 4002;
/// The client went on and on asking for more than it may; it may come back and ask for less.
pub const FLOOD: u16 = 4003;
/// What the client may do has changed, or its time is over; it may come back at once, and is asked anew
/// who it is.
pub const ACCESS: u16 = 4004;

/// Whether a client should try again after this code.
pub fn may_return(code: u16) -> bool {
    !(4500..=4999).contains(&code)
}
