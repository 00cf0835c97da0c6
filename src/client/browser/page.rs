//! What the client wants from the page: its address, its clock and the events of waking up.

use std::cell::Cell;

use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Document, Event, EventTarget, Performance, Window, console, window};

/// The socket's address: a path is taken on this page's host, with `wss` when the page came by
/// `https`.
pub(super) fn address(url: &str) -> String {
    if !url.starts_with('/') {
        return url.into();
    }
    let Some(location) = window().map(|window| window.location()) else { return url.into() };
    let secure = location.protocol().is_ok_and(|protocol| protocol == "https:");
    let scheme = if secure { "wss://" } else { "ws://" };
    [scheme, &location.host().unwrap_or_default(), url].concat()
}

/// Writes a line to the console at the debug level.
pub(super) fn debug(mark: &str, text: &str) {
    console::debug_3(&JsValue::from_str("tidewire"), &mark.into(), &text.into());
}

/// Milliseconds that never run backwards and do not stop while the machine sleeps.
///
/// The monotonic clock stops during sleep in some browsers and the wall clock can be set, so the
/// wall clock is believed only when it is far ahead.
pub(super) struct Clock {
    performance: Option<Performance>,
    now: Cell<f64>,
    monotonic: Cell<f64>,
    wall: Cell<f64>,
}

const SLEPT_MS: f64 = 2_000.0;

impl Clock {
    pub(super) fn new() -> Self {
        let performance = window().and_then(|window| window.performance());
        let wall = js_sys::Date::now();
        let monotonic = performance.as_ref().map_or(wall, Performance::now);
        let (monotonic, wall) = (Cell::new(monotonic), Cell::new(wall));
        Self { performance, now: Cell::new(0.0), monotonic, wall }
    }

    pub(super) fn now(&self) -> u64 {
        let wall = js_sys::Date::now();
        let monotonic = self.performance.as_ref().map_or(wall, Performance::now);
        let passed = (monotonic - self.monotonic.replace(monotonic)).max(0.0);
        let by_wall = wall - self.wall.replace(wall);
        let slept = by_wall - passed > SLEPT_MS;
        self.now.set(self.now.get() + if slept { by_wall } else { passed });
        self.now.get() as u64
    }
}

/// Whether nobody looks at the page.
pub(super) fn hidden() -> bool {
    window().and_then(|window| window.document()).is_some_and(|document| document.hidden())
}

/// Listens for the page becoming visible or hidden, coming back from the cache or getting its network back,
/// and says whether it is hidden, until it is dropped.
pub(super) struct WakeEvents {
    window: Window,
    document: Document,
    callback: Closure<dyn FnMut(Event)>,
}

impl WakeEvents {
    /// `None` outside of a page.
    pub(super) fn listen(happened: Box<dyn Fn(bool)>) -> Option<Self> {
        let window = window()?;
        let document = window.document()?;
        let page = document.clone();
        // A page that goes to the background says so by the same event.
        let callback = Closure::new(move |_| happened(page.hidden()));
        let events = Self { window, document, callback };
        for (target, name) in events.targets() {
            // Only fails for a target that is none.
            let _ = target.add_event_listener_with_callback(name, events.function());
        }
        Some(events)
    }

    fn targets(&self) -> [(&EventTarget, &'static str); 3] {
        let (window, document): (&EventTarget, &EventTarget) = (&self.window, &self.document);
        [(document, "visibilitychange"), (window, "online"), (window, "pageshow")]
    }

    fn function(&self) -> &js_sys::Function {
        self.callback.as_ref().unchecked_ref()
    }
}

impl Drop for WakeEvents {
    fn drop(&mut self) {
        for (target, name) in self.targets() {
            let _ = target.remove_event_listener_with_callback(name, self.function());
        }
    }
}
