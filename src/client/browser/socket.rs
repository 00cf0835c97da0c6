//! One WebSocket of the browser.

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CloseEvent, Event, MessageEvent, WebSocket};

pub(super) enum SocketEvent {
    Opened,
    Text(String),
    Closed(u16),
}

pub(super) struct Socket {
    pub(super) generation: u64,
    socket: WebSocket,
    /// One for all events: each closure type costs glue code.
    _events: Closure<dyn FnMut(Event)>,
}

impl Socket {
    /// `None` when the browser refuses the address.
    pub(super) fn open(
        url: &str,
        generation: u64,
        report: Box<dyn Fn(SocketEvent)>,
    ) -> Option<Self> {
        let socket = WebSocket::new(url).ok()?;
        let events = Closure::new(move |event: Event| {
            if let Some(message) = event.dyn_ref::<MessageEvent>() {
                // Binary frames belong to documents.
                if let Some(text) = message.data().as_string() {
                    report(SocketEvent::Text(text));
                }
            } else if let Some(close) = event.dyn_ref::<CloseEvent>() {
                report(SocketEvent::Closed(close.code()));
            } else {
                report(SocketEvent::Opened);
            }
        });
        let callback = Some(events.as_ref().unchecked_ref());
        socket.set_onopen(callback);
        socket.set_onmessage(callback);
        socket.set_onclose(callback);
        Some(Self { generation, socket, _events: events })
    }

    /// Whether the browser took the frame; when it did not, a close event is on its way.
    pub(super) fn send(&self, text: &str) -> bool {
        self.socket.send_with_str(text).is_ok()
    }

    pub(super) fn close(self, code: u16) {
        // Fails for codes that only the browser itself may send: the drop below closes then.
        let _ = self.socket.close_with_code(code);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Closing twice does nothing.
        let _ = self.socket.close();
    }
}
