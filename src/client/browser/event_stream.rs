//! One event stream of the browser: events down, one request after the other up.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Event, EventSource, MessageEvent, Request, RequestInit, Response, window};

use super::socket::{Report, SocketEvent};
use crate::{
    client::connection::ABNORMAL,
    contract::{ServerFrame, parse},
};

pub(super) struct EventStream {
    source: EventSource,
    up: Rc<Up>,
    _events: Closure<dyn FnMut(Event)>,
}

/// What is on its way to the server.
struct Up {
    /// Where frames go; empty until the server has named the connection.
    url: RefCell<String>,
    waiting: RefCell<VecDeque<String>>,
    /// A request is under way: the next frame waits for its answer, so that they stay in order.
    busy: Cell<bool>,
    /// The socket was closed; nobody is to hear of it any more.
    closed: Cell<bool>,
    report: Report,
}

impl EventStream {
    /// `None` when the browser refuses the address.
    pub(super) fn open(url: &str, report: Report) -> Option<Self> {
        let source = EventSource::new(url).ok()?;
        let up = Rc::new(Up {
            url: RefCell::default(),
            waiting: RefCell::default(),
            busy: Cell::new(false),
            closed: Cell::new(false),
            report,
        });
        let (address, stream) = (url.to_owned(), up.clone());
        let events = Closure::new(move |event: Event| {
            // Left alone the browser would open it again by itself, without the core's knowledge.
            let Some(message) = event.dyn_ref::<MessageEvent>() else {
                return stream.end();
            };
            let Some(text) = message.data().as_string() else { return };
            if stream.url.borrow().is_empty() {
                let Some(ServerFrame::Open { connection }) = parse::server_frame(&text) else {
                    return stream.end();
                };
                let join = if address.contains('?') { "&" } else { "?" };
                *stream.url.borrow_mut() = [&address, join, "connection=", &connection].concat();
                (stream.report)(SocketEvent::Opened);
            }
            if !stream.closed.get() {
                (stream.report)(SocketEvent::Text(text));
            }
        });
        let callback = Some(events.as_ref().unchecked_ref());
        source.set_onmessage(callback);
        source.set_onerror(callback);
        Some(Self { source, up, _events: events })
    }

    pub(super) fn send(&self, text: &str) {
        self.up.waiting.borrow_mut().push_back(text.into());
        if !self.up.busy.replace(true) {
            spawn_local(self.up.clone().work_off());
        }
    }
}

impl Up {
    async fn work_off(self: Rc<Self>) {
        while !self.closed.get() {
            let text = self.waiting.borrow_mut().pop_front();
            let Some(text) = text else { break };
            let url = self.url.borrow().clone();
            if !matches!(post(&url, &text).await, Ok(true)) {
                // A frame that is lost is a connection that is lost.
                self.end();
            }
        }
        self.busy.set(false);
    }

    fn end(&self) {
        if !self.closed.replace(true) {
            (self.report)(SocketEvent::Closed(ABNORMAL));
        }
    }
}

async fn post(url: &str, text: &str) -> Result<bool, JsValue> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(text));
    let request = Request::new_with_str_and_init(url, &init)?;
    request.headers().set("Content-Type", "application/json")?;
    let window = window().ok_or(JsValue::NULL)?;
    let response: Response =
        JsFuture::from(window.fetch_with_request(&request)).await?.unchecked_into();
    Ok(response.ok())
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.up.closed.set(true);
        self.source.set_onmessage(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}
