//! What a client can be told: where to connect, how to come back, who it is.

use std::{fmt, future::Future, time::Duration};

/// Which transports a client may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transports {
    /// A WebSocket; where none can be had, an event stream.
    #[default]
    Auto,
    /// Only WebSockets.
    WebSocketOnly,
    /// Only event streams.
    EventStreamOnly,
}

/// Settings of one client. Every number has a default that suits a web page.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// `ws://` or `wss://` address; in a browser a path such as `/realtime` is enough.
    pub url: String,
    /// Whether there is to be a connection at all. Without one, lists are loaded and writes are sent,
    /// and nothing is live.
    pub enabled: bool,
    /// How frames may travel. An event stream's address is the WebSocket's with `/sse` behind it.
    pub transports: Transports,
    /// After an event stream that was open at least this long, a WebSocket is tried again first.
    pub prefer_websocket_after: Duration,
    /// Whether a lost connection is opened again.
    pub auto_reconnect: bool,
    /// How many times in a row to try again before giving up; `None` never gives up.
    pub max_attempts: Option<u32>,
    /// The back-off's first upper bound; it doubles with each attempt.
    pub delay: Duration,
    /// The back-off's last upper bound.
    pub max_delay: Duration,
    /// A heartbeat is sent when nothing was sent for this long.
    pub heartbeat_interval: Duration,
    /// The connection counts as dead when nothing was received for this long.
    pub dead_after: Duration,
    /// How long opening a connection may take, fetching a token included.
    pub connect_timeout: Duration,
    /// The back-off starts anew only after a connection was open this long and a valid frame came.
    pub stable_after: Duration,
    /// Who connects.
    pub auth: Option<Auth>,
    /// What the positions that are subscribed from were seen by, if that is known: the `view` of whoever
    /// the page was rendered for. Where the server names another one, everything is loaded again.
    pub view: Option<String>,
    /// The contract this client was built with; the server says whether it still holds.
    pub contract: Option<String>,
    /// Whether frames are written to the console (browser) or traced at debug level (native).
    pub debug: bool,
}

impl ClientConfig {
    /// The defaults for one address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            enabled: true,
            transports: Transports::Auto,
            prefer_websocket_after: Duration::from_secs(60),
            auto_reconnect: true,
            max_attempts: None,
            delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            heartbeat_interval: Duration::from_secs(25),
            dead_after: Duration::from_secs(70),
            connect_timeout: Duration::from_secs(10),
            stable_after: Duration::from_secs(5),
            auth: None,
            view: None,
            contract: None,
            debug: false,
        }
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self::new("/realtime")
    }
}

/// How a client proves who it is. The token travels in a header; from a page, which cannot send any, as
/// `?token=`, so that it should be one that holds for a moment. It is never logged; an empty one connects
/// anonymously.
#[derive(Clone)]
pub enum Auth {
    /// Always the same token.
    Token(String),
    /// Asked for a fresh token before each connect, and, but for pages, before the one that it gave expires:
    /// so the connection goes on.
    Fetch(TokenSource),
}

/// Gives a fresh token.
#[cfg(not(target_arch = "wasm32"))]
pub type TokenSource =
    std::sync::Arc<dyn Fn() -> futures::future::BoxFuture<'static, String> + Send + Sync>;
/// Gives a fresh token.
#[cfg(target_arch = "wasm32")]
pub type TokenSource = std::rc::Rc<dyn Fn() -> futures::future::LocalBoxFuture<'static, String>>;

impl Auth {
    /// Asks `source` for a token before each connect, and before the last one expires.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn fetch<F, T>(source: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = String> + Send + 'static,
    {
        Self::Fetch(std::sync::Arc::new(move || Box::pin(source())))
    }

    /// Asks `source` for a token before each connect.
    #[cfg(target_arch = "wasm32")]
    pub fn fetch<F, T>(source: F) -> Self
    where
        F: Fn() -> T + 'static,
        T: Future<Output = String> + 'static,
    {
        Self::Fetch(std::rc::Rc::new(move || Box::pin(source())))
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(…)",
            Self::Fetch(_) => "Fetch(…)",
        })
    }
}

/// The address with its token, percent-encoded.
#[cfg(any(target_arch = "wasm32", test))]
pub(super) fn with_token(url: &str, token: &str) -> String {
    let mut address = String::from(url);
    if token.is_empty() {
        return address;
    }
    address.push(if url.contains('?') { '&' } else { '?' });
    address.push_str("token=");
    for byte in token.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            address.push(char::from(byte));
        } else {
            address.push('%');
            for digit in [byte >> 4, byte & 15] {
                address.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    address
}

/// Where the event stream is that belongs to a WebSocket's address.
pub(super) fn stream_address(url: &str) -> String {
    let (address, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    let address = match address.strip_prefix("ws") {
        Some(rest) if rest.contains("://") => ["http", rest].concat(),
        _ => address.into(),
    };
    [address.trim_end_matches('/'), "/sse", query].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_en1_an_event_stream_lies_below_the_websocket() {
        for (url, stream) in [
            ("/realtime", "/realtime/sse"),
            ("/ws/?tenant=1", "/ws/sse?tenant=1"),
            ("ws://host:1/realtime", "http://host:1/realtime/sse"),
            ("wss://host/realtime?x=ws://", "https://host/realtime/sse?x=ws://"),
        ] {
            assert_eq!(stream_address(url), stream);
        }
    }

    #[test]
    fn a_token_cannot_break_out_of_its_parameter() {
        assert_eq!(with_token("/realtime", "a.b-c_d"), "/realtime?token=a.b-c_d");
        assert_eq!(with_token("/realtime?x=1", "a&b=ü"), "/realtime?x=1&token=a%26b%3D%C3%BC");
        assert_eq!(with_token("/realtime", ""), "/realtime");
    }

    #[test]
    fn a_token_does_not_reach_a_log_through_debug() {
        let config =
            ClientConfig { auth: Some(Auth::Token("secret".into())), ..ClientConfig::default() };
        assert!(!format!("{config:?}").contains("secret"));
    }
}
