//! The server's half of live values: it reads them once and hands them to the page.

use futures::FutureExt;
use leptos::{prelude::*, reactive::computed::ScopedFuture};

use super::super::{
    LiveValue, LoadValue,
    live_value::{Asked, Value},
    loaded::Loads,
    shared,
};
use crate::{
    contract::{ChannelName, Reading},
    server::{Identity, Realtime},
};

/// Answers the query and writes the answer into the page. Without a channel layer in the context, or where
/// it does not answer, the browser asks.
pub(in super::super) fn ask(asked: Asked) {
    let Asked { channel, take, .. } = asked;
    let channel = untrack(channel);
    let tag = channel.as_ref().map(ChannelName::to_string).unwrap_or_default();
    let (realtime, who) = (use_context::<Realtime>(), use_context::<Identity>());
    let answering = async move {
        let (position, value) = realtime?.answer_once(&channel?, who.as_ref()).await?;
        Some(Reading { position, value })
    };
    let answering = answering.boxed().shared();
    shared::give(tag, answering.clone());
    if let Some(loads) = use_context::<Loads>() {
        loads.add(async move {
            if let Some(reading) = answering.await {
                take(reading.value.get());
            }
        });
    }
}

/// Fetches the value and writes it into the page.
pub(in super::super) fn start_value<T: Value>(
    value: LiveValue<T>,
    _: ChannelName,
    load: impl LoadValue<T>,
) {
    let (path, arguments) = load.request();
    let loading = ScopedFuture::new(load.run()).boxed().shared();
    shared::give([path, &arguments].concat(), loading.clone());
    if let Some(loads) = use_context::<Loads>() {
        loads.add(async move { _ = value.load(loading.await) });
    }
}
