//! One socket of the browser, over either transport.

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CloseEvent, Event, MessageEvent, WebSocket};

use super::event_stream::EventStream;
use crate::contract::Transport;

pub(super) enum SocketEvent {
    Opened,
    Text(String),
    Closed(u16),
}

/// Hears what happens to a socket.
pub(super) type Report = Box<dyn Fn(SocketEvent)>;

pub(super) struct Socket {
    pub(super) generation: u64,
    wire: Wire,
}

enum Wire {
    Web(Web),
    Stream(EventStream),
}

struct Web {
    socket: WebSocket,
    /// One for all events: each closure type costs glue code.
    _events: Closure<dyn FnMut(Event)>,
}

impl Socket {
    /// `None` when the browser refuses the address.
    pub(super) fn open(
        transport: Transport,
        url: &str,
        generation: u64,
        report: Report,
    ) -> Option<Self> {
        let wire = match transport {
            Transport::WebSocket => Wire::Web(Web::open(url, report)?),
            Transport::EventStream => Wire::Stream(EventStream::open(url, report)?),
        };
        Some(Self { generation, wire })
    }

    /// Whether the browser took the frame; when it did not, a close event is on its way.
    pub(super) fn send(&self, text: &str) -> bool {
        match &self.wire {
            Wire::Web(web) => web.socket.send_with_str(text).is_ok(),
            Wire::Stream(stream) => {
                stream.send(text);
                true
            }
        }
    }

    pub(super) fn close(self, code: u16) {
        if let Wire::Web(web) = &self.wire {
            // Fails for codes that only the browser itself may send: the drop closes then.
            let _ = web.socket.close_with_code(code);
        }
    }
}

impl Web {
    fn open(url: &str, report: Report) -> Option<Self> {
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
        Some(Self { socket, _events: events })
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Closing twice does nothing.
        let _ = self.socket.close();
    }
}
