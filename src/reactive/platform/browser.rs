//! The browser's half: the page's one connection, the lists that follow it, and the forms it sends.

use gloo_timers::future::TimeoutFuture;
use leptos::{ev::SubmitEvent, prelude::*, reactive::owner::LocalStorage, task::spawn_local};
use serde_json::value::RawValue;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlButtonElement, HtmlFormElement, HtmlInputElement};

use super::super::{
    Fields, LiveList, Load,
    connection::{Events, use_connection},
    fetch,
    frames::Frames,
    shared,
};
use crate::{
    client::{
        browser::{BrowserClient, Direction},
        config::ClientConfig,
        event::{ClientEvent, OwnerId},
        state::ConnectionState,
    },
    contract::{Channel, ChannelName, Live, LiveError, Position, Refusal, Snapshot, Written},
};

/// The page's connection. Copy.
#[derive(Clone, Copy)]
pub(in super::super) struct Socket(StoredValue<BrowserClient, LocalStorage>);

/// Names a subscription.
pub(in super::super) type Owner = OwnerId;

impl Socket {
    pub(in super::super) fn new(
        config: ClientConfig,
        state: RwSignal<ConnectionState>,
        frames: Frames,
    ) -> Self {
        let client = BrowserClient::new(config);
        client.on_state(Box::new(move |now| _ = state.try_set(now)));
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

    pub(in super::super) fn unsubscribe(&self, owner: Owner) {
        self.client(|client| client.unsubscribe(owner));
    }

    fn rebase(&self, owner: Owner, position: Position) {
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

/// Takes the snapshot over from the page, or loads it after a navigation; then follows the channel
/// from the snapshot's position.
pub(in super::super) fn start<T: Live>(list: LiveList<T>, channel: Channel<T>, load: impl Load<T>) {
    let socket = use_connection().socket();
    let owner: StoredValue<Option<Owner>> = StoredValue::new(None);
    on_cleanup(move || {
        if let Some(owner) = owner.try_get_value().flatten() {
            socket.unsubscribe(owner);
        }
    });
    let channel = channel.name().clone();
    let follow = {
        let channel = channel.clone();
        move || {
            let Some(position) = list.position() else { return };
            if let Some(owner) = owner.try_get_value().flatten() {
                return socket.rebase(owner, position);
            }
            let events = Box::new(move |event| {
                if matches!(event, ClientEvent::Refused(_)) {
                    _ = owner.try_set_value(None);
                }
                if list.take(event) {
                    list.reload();
                }
            });
            let subscribed = socket.subscribe(channel.clone(), Some(position), events);
            _ = owner.try_set_value(subscribed);
        }
    };
    list.on_reload({
        let follow = follow.clone();
        move || {
            let (load, follow) = (load.clone(), follow.clone());
            spawn_local(async move {
                for wait in RETRY_AFTER_SECONDS.iter().chain(std::iter::repeat(&30)) {
                    let loaded = load.clone().load().await;
                    if owner.is_disposed() {
                        return;
                    }
                    let loaded_well = loaded.is_ok();
                    list.load(loaded);
                    if loaded_well {
                        return follow();
                    }
                    TimeoutFuture::new(wait * 1_000).await;
                }
            });
        }
    });
    match shared::take::<Result<Snapshot<T>, Refusal>>() {
        Some(Ok(snapshot)) => {
            list.load(Ok(snapshot));
            follow();
        }
        Some(Err(refusal)) => {
            list.load(Err(refusal));
            list.reload();
        }
        None => list.reload(),
    }
}

/// How long to wait after a failed load; the last is repeated.
const RETRY_AFTER_SECONDS: [u32; 5] = [1, 2, 4, 8, 16];

/// Posts a form's fields to a server function.
pub(in super::super) fn send<T: Live>(
    url: &'static str,
    fields: Fields,
    done: impl FnOnce(Fields, Result<Written<T>, Refusal<T>>) + 'static,
) {
    spawn_local(async move {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| [&encode(name), "=", &encode(value)].concat())
            .collect();
        let content_type = "application/x-www-form-urlencoded";
        let answer = fetch::post(url, content_type, &body.join("&")).await;
        done(fields, answer);
    });
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
            fields.set(&name, value);
        }
    }
    let button = event.submitter().and_then(|button| button.dyn_into::<HtmlButtonElement>().ok());
    if let Some(button) = button.filter(|button| !button.name().is_empty()) {
        fields.set(&button.name(), button.value());
    }
    Some((fields, Form(form)))
}
