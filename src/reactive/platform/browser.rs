//! The browser's half: the page's one connection, the lists that follow it, and the forms it sends.

use std::collections::VecDeque;

use leptos::{ev::SubmitEvent, prelude::*, reactive::owner::LocalStorage, task::spawn_local};
use serde_json::value::RawValue;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlButtonElement, HtmlFormElement, HtmlInputElement};

use super::{
    super::{
        Fields, LiveList, Load, answer::Answer, connection::Events, fetch, frames::Frames, shared,
    },
    Request, Signals,
    follower::{Followed, Follower},
};
use crate::{
    client::{
        browser::{BrowserClient, Direction},
        config::ClientConfig,
        event::OwnerId,
    },
    contract::{Channel, ChannelName, Live, LiveError, Position, Refusal, Snapshot},
};

/// The page's connection. Copy.
#[derive(Clone, Copy)]
pub(in super::super) struct Socket(StoredValue<BrowserClient, LocalStorage>);

/// Names a subscription.
pub(in super::super) type Owner = OwnerId;

impl Socket {
    pub(in super::super) fn new(config: ClientConfig, signals: Signals, frames: Frames) -> Self {
        let client = BrowserClient::new(config);
        client.on_state(Box::new(move |state, transport| {
            // First, so that whoever sees that the page is live sees how.
            _ = signals.transport.try_set(transport);
            _ = signals.state.try_set(state);
        }));
        client.on_health(Box::new(move |now| _ = signals.health.try_set(now)));
        client.on_frame(Box::new(move |direction, text| {
            frames.add(direction == Direction::Received, text);
        }));
        let socket = Self(StoredValue::new_local(client));
        // After hydration, so that the first paint does not wait for the socket.
        Effect::new(move || socket.connect());
        socket
    }

    fn client<R>(&self, call: impl FnOnce(&BrowserClient) -> R) -> Option<R> {
        // Cloned out, so that a callback may come back here.
        let client = self.0.try_get_value()?;
        Some(call(&client))
    }

    pub(in super::super) fn connect(&self) {
        self.client(BrowserClient::connect);
    }

    pub(in super::super) fn disconnect(&self) {
        self.client(BrowserClient::disconnect);
    }

    pub(in super::super) fn retry_now(&self) {
        self.client(BrowserClient::retry_now);
    }

    pub(in super::super) fn subscribe(
        &self,
        channel: ChannelName,
        since: Option<Position>,
        events: Events,
    ) -> Option<Owner> {
        self.client(|client| client.subscribe(&channel, since, events))
    }

    pub(in super::super) fn subscribe_to_presence(
        &self,
        channel: ChannelName,
        data: Option<Box<RawValue>>,
        events: Events,
    ) -> Option<Owner> {
        self.client(|client| client.subscribe_to_presence(&channel, data, events))
    }

    pub(in super::super) fn update_presence(&self, owner: Owner, data: Box<RawValue>) {
        self.client(|client| client.update_presence(owner, data));
    }

    pub(in super::super) fn unsubscribe(&self, owner: Owner) {
        self.client(|client| client.unsubscribe(owner));
    }

    pub(super) fn views(&self) -> u32 {
        self.client(BrowserClient::views).unwrap_or_default()
    }

    pub(super) fn rebase(&self, owner: Owner, position: Position) {
        self.client(|client| client.rebase(owner, position));
    }

    pub(in super::super) fn broadcast(
        &self,
        channel: &ChannelName,
        payload: Box<RawValue>,
        done: impl FnOnce(Result<usize, LiveError>) + 'static,
    ) {
        self.client(|client| client.broadcast(channel, payload, Box::new(done)));
    }
}

/// Only a server knows.
pub(in super::super) fn live_address() -> Option<String> {
    None
}

/// Takes the snapshot over from the page, or loads it after a navigation; then follows the channel
/// from the snapshot's position.
pub(in super::super) fn start<T: Live>(list: LiveList<T>, channel: Channel<T>, load: impl Load<T>) {
    let (path, arguments) = load.request();
    let tag = [path, &arguments].concat();
    let follower = Follower::new(Followed {
        channel: channel.name().clone(),
        path,
        arguments,
        load: Box::new(move |answer| list.load_answer(answer)),
        take: Box::new(move |event| list.take(event)),
        position: Box::new(move || list.position()),
        pause_ms: 0,
    });
    list.on_reload(move || follower.load());
    match shared::take::<Result<Snapshot<T>, Refusal>>(&tag) {
        Some(Ok(snapshot)) => {
            list.load(Ok(snapshot));
            follower.follow();
        }
        Some(Err(refusal)) => {
            list.load(Err(refusal));
            follower.load();
        }
        None => follower.load(),
    }
}

/// Posts a form's fields to a server function.
pub(in super::super) fn send(url: &'static str, fields: Fields, done: Box<dyn FnOnce(Answer)>) {
    spawn_local(async move {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| [&encode(name), "=", &encode(value)].concat())
            .collect();
        let content_type = "application/x-www-form-urlencoded";
        done(fetch::post(url, content_type, &body.join("&")).await);
    });
}

/// Requests that wait for their turn. Copy.
#[derive(Clone, Copy)]
pub(in super::super) struct Queue(StoredValue<VecDeque<Request>, LocalStorage>);

impl Queue {
    pub(in super::super) fn new() -> Self {
        Self(StoredValue::new_local(VecDeque::new()))
    }

    pub(in super::super) fn push(&self, request: Request) {
        self.0.try_update_value(|queue| queue.push_back(request));
    }

    pub(in super::super) fn pop(&self) -> Option<Request> {
        self.0.try_update_value(VecDeque::pop_front).flatten()
    }
}

fn encode(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}

/// A form of the page.
pub(in super::super) struct Form(HtmlFormElement);

impl Form {
    /// Empties the inputs.
    pub(in super::super) fn reset(&self) {
        self.0.reset();
    }

    /// Puts text back into inputs that are still empty.
    pub(in super::super) fn restore(&self, fields: &Fields) {
        for (name, value) in fields.iter() {
            let input = self.0.get_with_name(name);
            let input = input.and_then(|input| input.dyn_into::<HtmlInputElement>().ok());
            if let Some(input) = input.filter(|input| input.value().is_empty()) {
                input.set_value(value);
            }
        }
    }
}

/// The fields of the form that is being submitted, with the button that was pressed.
pub(in super::super) fn fields(event: &SubmitEvent) -> Option<(Fields, Form)> {
    let form: HtmlFormElement = event.target()?.dyn_into().ok()?;
    let mut fields = Fields::default();
    let data = FormData::new_with_form(&form).ok()?;
    for entry in js_sys::try_iter(&data).ok()??.flatten() {
        let pair: js_sys::Array = entry.unchecked_into();
        if let (Some(name), Some(value)) = (pair.get(0).as_string(), pair.get(1).as_string()) {
            fields.push(&name, value);
        }
    }
    let button = event.submitter().and_then(|button| button.dyn_into::<HtmlButtonElement>().ok());
    if let Some(button) = button.filter(|button| !button.name().is_empty()) {
        fields.set(&button.name(), button.value());
    }
    Some((fields, Form(form)))
}
