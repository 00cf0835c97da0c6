//! Lets the system end connections whose other end has vanished without a word: for responses that go on
//! for hours there is no pong that could be missed.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// From now on the connection breaks when what was sent is not acknowledged for `dead_after`, or taken by
/// the program at the other end, and when an idle one does not answer probes for about as long.
pub(crate) fn watch(tcp: &TcpStream, dead_after: Duration) {
    let socket = SockRef::from(tcp);
    let probes = TcpKeepalive::new().with_time(dead_after).with_interval(dead_after / 5);
    // Where the system does not know these, it waits as long as it always does.
    _ = socket.set_tcp_keepalive(&probes);
    #[cfg(target_os = "linux")]
    {
        _ = socket.set_tcp_user_timeout(Some(dead_after));
    }
}
