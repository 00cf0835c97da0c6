//! What a client asks for, and how it is answered.

use axum::extract::ws::Message;
use futures::{Sink, Stream};
use serde_json::value::RawValue;

use super::{
    super::{
        Published,
        attach::{Request, attach},
        limiter::RequestKind,
        policy::Action,
    },
    Session,
    access::expires_in_ms,
};
use crate::contract::{
    ChannelName, ClientFrame, ErrorCode, LiveError, Position, ServerFrame, parse,
    protocol::WelcomeLimits,
};

impl<S, E> Session<S>
where
    S: Stream<Item = Result<Message, E>> + Sink<Message> + Unpin,
{
    pub(super) async fn handle(&mut self, text: &str) -> Result<(), Refused> {
        let frame = self.read(text);
        let kind = frame.as_ref().map_or(RequestKind::Other, RequestKind::of);
        if let Err(error) = self.requests.count(kind) {
            return Err(match frame {
                Ok(frame) => Refused::whole(error, frame),
                Err(_) => Refused::new(error),
            });
        }
        let limits = self.realtime.limits();
        match frame.map_err(Refused::new)? {
            ClientFrame::Hello(hello) => {
                self.answer(ServerFrame::Welcome {
                    contract: self.realtime.compare_contract(hello.contract.as_deref()),
                    limits: WelcomeLimits {
                        max_message_bytes: limits.max_message_bytes,
                        max_subscriptions: limits.max_subscriptions,
                        heartbeat_ms: limits.heartbeat.as_millis() as u64,
                    },
                    view: Some(self.peer.identity.view()),
                    expires_in_ms: expires_in_ms(&self.peer.identity),
                });
                Ok(())
            }
            ClientFrame::Subscribe { channel, since, presence, reference } => {
                let refused = |error| Refused { error, channel: Some(channel.clone()), reference };
                let request = (since.as_deref(), presence.as_deref(), reference);
                self.subscribe(&channel, request).await.map_err(refused)
            }
            ClientFrame::Unsubscribe { channel, reference } => {
                let refused = |error| Refused { error, channel: Some(channel.clone()), reference };
                self.unsubscribe(&channel).map_err(refused)
            }
            ClientFrame::Broadcast { channel, payload, reference } => {
                let sent = self.realtime.broadcast(&self.peer.identity, &channel, payload).await;
                let Published { reached, position } = match sent {
                    Ok(published) => published,
                    Err(error) => return Err(Refused { error, channel: Some(channel), reference }),
                };
                let (replay, reached) = (None, Some(reached));
                self.answer(ServerFrame::Ack { channel, position, replay, reached, reference });
                Ok(())
            }
            ClientFrame::Presence { channel, data, idle, leave, reference } => {
                let refused = |error| Refused { error, channel: Some(channel.clone()), reference };
                self.present(&channel, data, idle, leave).await.map_err(refused)
            }
            ClientFrame::Heartbeat(health) => {
                self.meter.health(self.realtime.metrics(), health);
                self.mark();
                Ok(())
            }
            ClientFrame::Auth { token, reference } => {
                let refused = |error| Refused { error, channel: None, reference };
                self.authenticate(&token, reference).await.map_err(refused)
            }
        }
    }

    fn read(&self, text: &str) -> Result<ClientFrame, LiveError> {
        let most = self.realtime.limits().max_message_bytes;
        if text.len() > most {
            let text = format!("a message may have {most} bytes");
            return Err(LiveError::new(ErrorCode::MessageTooLarge, text));
        }
        parse::client_frame(text)
    }

    async fn subscribe(
        &mut self,
        channel: &str,
        (since, presence, reference): (Option<&str>, Option<&RawValue>, Option<u64>),
    ) -> Result<(), LiveError> {
        let name = ChannelName::new(channel)?;
        let since = since.map(str::parse::<Position>).transpose().map_err(|_| {
            LiveError::new(ErrorCode::InvalidPosition, "\"since\" is not a position")
        })?;
        // The server may have ended some, when realtime was switched off for their table.
        self.subscriptions.retain(|_, subscription| !subscription.has_ended());
        let max = self.realtime.limits().max_subscriptions;
        if self.subscriptions.len() >= max && !self.subscriptions.contains_key(&name) {
            return Err(LiveError::new(
                ErrorCode::TooManySubscriptions,
                format!("a connection may have {max} subscriptions"),
            ));
        }
        self.realtime.check(&self.peer.identity, Action::Read, &name).await?;
        let wish = self.wish(presence, &name).await?;
        let request = Request { channel: &name, since, reference, who: &self.peer.identity };
        let subscription = attach(&self.realtime, &self.queue, request).await?;
        self.begin_presence(&subscription, wish);
        // It takes the place of an older one, whose frames behind the new answer are left out.
        if let Some(older) = self.subscriptions.insert(name, subscription) {
            self.realtime.hub().unsubscribe(&older);
        }
        Ok(())
    }

    fn unsubscribe(&mut self, channel: &str) -> Result<(), LiveError> {
        let name = ChannelName::new(channel)?;
        let found = self.subscriptions.remove(&name);
        let Some(subscription) = found.filter(|subscription| !subscription.has_ended()) else {
            return Err(LiveError::new(
                ErrorCode::NotSubscribed,
                "this connection has no such subscription",
            ));
        };
        self.realtime.hub().unsubscribe(&subscription);
        self.realtime.presence().leave(&self.presence, &name);
        Ok(())
    }
}

/// A request that was refused, with what the answer repeats of it.
pub(super) struct Refused {
    pub(super) error: LiveError,
    channel: Option<String>,
    reference: Option<u64>,
}

impl Refused {
    pub(super) fn new(error: LiveError) -> Self {
        Self { error, channel: None, reference: None }
    }

    /// Refuses a frame whatever it asks for.
    fn whole(error: LiveError, frame: ClientFrame) -> Self {
        let (channel, reference) = match frame {
            ClientFrame::Subscribe { channel, reference, .. }
            | ClientFrame::Unsubscribe { channel, reference }
            | ClientFrame::Broadcast { channel, reference, .. }
            | ClientFrame::Presence { channel, reference, .. } => (Some(channel), reference),
            ClientFrame::Auth { reference, .. } => (None, reference),
            ClientFrame::Hello(_) | ClientFrame::Heartbeat(_) => (None, None),
        };
        Self { error, channel, reference }
    }

    pub(super) fn into_frame(self) -> ServerFrame {
        let LiveError { code, message: error, retry_after_ms } = self.error;
        // A name of megabytes is not repeated to its sender.
        let channel = self.channel.filter(|channel| channel.len() <= 1_000);
        let reference = self.reference;
        ServerFrame::Error { code, error, channel, reference, retry_after_ms }
    }
}
