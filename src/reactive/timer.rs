//! A clock and a timer for signals that end by themselves; on the server time does not pass.

/// Milliseconds of the page's clock.
pub(super) fn now_ms() -> u64 {
    #[cfg(target_arch = "wasm32")]
    {
        let performance = web_sys::window().and_then(|window| window.performance());
        performance.map_or(0, |performance| performance.now() as u64)
    }
    #[cfg(not(target_arch = "wasm32"))]
    0
}

/// Calls back after so many milliseconds.
pub(super) fn after(_milliseconds: u64, _callback: impl FnOnce() + 'static) {
    #[cfg(target_arch = "wasm32")]
    gloo_timers::callback::Timeout::new(_milliseconds.min(i32::MAX as u64) as u32, _callback)
        .forget();
}
