//! The server's half: it loads lists and hands their snapshots to the page; there is no socket.

use std::convert::Infallible;

use futures::FutureExt;
use leptos::{ev::SubmitEvent, prelude::*, reactive::computed::ScopedFuture};
use serde_json::value::RawValue;

use super::super::{
    Fields, LiveAddress, LiveList, Load, answer::Answer, connection::Events, frames::Frames,
    loaded::Loads, shared,
};
use super::{Request, Signals};
use crate::{
    client::config::ClientConfig,
    contract::{Channel, ChannelName, Live, LiveError, Position},
};

/// Stands where the browser has its connection.
#[derive(Clone, Copy)]
pub(in super::super) struct Socket;

/// Names a subscription; there is none on the server.
pub(in super::super) type Owner = Infallible;

impl Socket {
    pub(in super::super) fn new(_: ClientConfig, _: Signals, _: Frames) -> Self {
        provide_context(Loads::default());
        Self
    }

    pub(in super::super) fn connect(&self) {}

    pub(in super::super) fn disconnect(&self) {}

    pub(in super::super) fn retry_now(&self) {}

    pub(in super::super) fn subscribe(
        &self,
        _: ChannelName,
        _: Option<Position>,
        _: Events,
    ) -> Option<Owner> {
        None
    }

    pub(in super::super) fn subscribe_to_presence(
        &self,
        _: ChannelName,
        _: Option<Box<RawValue>>,
        _: Events,
    ) -> Option<Owner> {
        None
    }

    pub(in super::super) fn update_presence(&self, owner: Owner, _: Box<RawValue>) {
        match owner {}
    }

    pub(in super::super) fn unsubscribe(&self, owner: Owner) {
        match owner {}
    }

    pub(in super::super) fn broadcast(
        &self,
        _: &ChannelName,
        _: Box<RawValue>,
        _: impl FnOnce(Result<usize, LiveError>) + 'static,
    ) {
    }
}

/// Where this server's pages connect: empty where realtime is off.
pub(in super::super) fn live_address() -> Option<String> {
    use_context::<LiveAddress>().map(|LiveAddress(path)| path.unwrap_or_default())
}

/// Loads the list and writes its snapshot into the page.
pub(in super::super) fn start<T: Live>(list: LiveList<T>, _: Channel<T>, load: impl Load<T>) {
    let (path, arguments) = load.request();
    let loading = ScopedFuture::new(load.run()).boxed().shared();
    shared::give([path, &arguments].concat(), loading.clone());
    if let Some(loads) = use_context::<Loads>() {
        loads.add(async move { list.load(loading.await) });
    }
}

/// Forms are only sent from browsers.
pub(in super::super) fn send(_: &'static str, _: Fields, _: Box<dyn FnOnce(Answer)>) {}

/// Requests that wait for their turn; on the server nobody makes any.
#[derive(Clone, Copy)]
pub(in super::super) struct Queue;

impl Queue {
    pub(in super::super) fn new() -> Self {
        Self
    }

    pub(in super::super) fn push(&self, _: Request) {}

    pub(in super::super) fn pop(&self) -> Option<Request> {
        None
    }
}

/// A form of the page.
pub(in super::super) struct Form(Infallible);

impl Form {
    pub(in super::super) fn reset(&self) {
        match self.0 {}
    }

    pub(in super::super) fn restore(&self, _: &Fields) {
        match self.0 {}
    }
}

/// Nobody submits a form on the server.
pub(in super::super) fn fields(_: &SubmitEvent) -> Option<(Fields, Form)> {
    None
}
