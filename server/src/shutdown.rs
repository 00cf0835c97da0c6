//! When to stop.

use std::io;

use tokio::signal;

/// Listens for Ctrl-C, and on Unix for SIGTERM, from now on; the future resolves on the first.
///
/// # Errors
/// When the system does not let the process listen.
pub fn signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        _ = signal::ctrl_c().await;
    })
}
