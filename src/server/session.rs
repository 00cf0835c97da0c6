//! One connection: reads requests, answers them, and sends what its queue holds. Generic over the
//! socket, so that it is tested without a network.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::{
    Realtime,
    attach::{Request, attach},
    event::encode,
    queue::{Queue, Queued},
    subscription::Subscription,
};
use crate::contract::{
    ChannelName, ClientFrame, ErrorCode, LiveError, Position, ServerFrame, channel::ChannelKind,
    close, parse, protocol::WelcomeLimits,
};

/// The state of one connection.
pub struct Session<S> {
    realtime: Realtime,
    socket: S,
    queue: Arc<Queue>,
    subscriptions: HashMap<ChannelName, Arc<Subscription>>,
    last_heard: Instant,
}

/// Why a session ended.
enum End {
    /// The client left, or the socket broke.
    Gone,
    /// The server ends it with this code.
    Close(u16, &'static str),
}

impl<S, E> Session<S>
where
    S: Stream<Item = Result<Message, E>> + Sink<Message> + Unpin,
{
    /// A session over an open socket.
    pub fn new(realtime: Realtime, socket: S) -> Self {
        let queue = Arc::new(Queue::new(realtime.limits()));
        let subscriptions = HashMap::new();
        Self { realtime, socket, queue, subscriptions, last_heard: Instant::now() }
    }

    /// Serves the connection until it ends.
    pub async fn run(mut self) {
        let _counted = self.realtime.count_connection();
        let realtime = self.realtime.clone();
        // A client that does not read could hold up the drain by as much as one write may take.
        let overdue = async {
            realtime.stopping().await;
            sleep(realtime.limits().drain / 4).await;
        };
        let end = tokio::select! {
            biased;
            end = self.serve() => end,
            () = overdue => STOPPING,
        };
        self.leave();
        if let End::Close(code, reason) = end {
            tracing::debug!(code, reason, "connection closed by the server");
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            let goodbye = async {
                self.socket.send(Message::Close(Some(frame))).await.ok()?;
                // The client's answer ends the stream; without it the kernel may drop our last frames.
                while let Some(Ok(_)) = self.socket.next().await {}
                Some(())
            };
            // Long enough for a client that listens, and less than a stop waits for.
            let patience = self.realtime.limits().drain / 2;
            _ = timeout(patience.min(Duration::from_secs(2)), goodbye).await;
        }
    }

    async fn serve(&mut self) -> End {
        let realtime = self.realtime.clone();
        let limits = realtime.limits();
        let mut heartbeat = interval_at(Instant::now() + limits.heartbeat, limits.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                () = realtime.stopping() => {
                    let within_ms = limits.drain.as_millis() as u64;
                    self.answer(ServerFrame::Drain { within_ms });
                    _ = self.flush().await;
                    return STOPPING;
                }
                () = self.queue.ready() => self.flush().await,
                _ = heartbeat.tick() => self.beat().await,
                message = self.socket.next() => match message {
                    Some(Ok(message)) => self.receive(message).await,
                    Some(Err(_)) | None => Err(End::Gone),
                },
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        self.last_heard = Instant::now();
        match message {
            Message::Text(text) => {
                if let Err(refused) = self.handle(&text).await {
                    tracing::debug!(code = refused.error.code.as_str(), "request refused");
                    self.answer(refused.into_frame());
                }
                // Answers are out before the next request is read, so they cannot pile up.
                self.flush().await
            }
            Message::Binary(_) => {
                let error = LiveError::new(
                    ErrorCode::MalformedMessage,
                    "binary frames are not understood here; send JSON text",
                );
                self.answer(Refused::new(error).into_frame());
                self.flush().await
            }
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Close(_) => Err(End::Gone),
        }
    }

    async fn handle(&mut self, text: &str) -> Result<(), Refused> {
        let limits = self.realtime.limits();
        if text.len() > limits.max_message_bytes {
            return Err(Refused::new(LiveError::new(
                ErrorCode::MessageTooLarge,
                format!("a message may have {} bytes", limits.max_message_bytes),
            )));
        }
        match parse::client_frame(text).map_err(Refused::new)? {
            ClientFrame::Hello(hello) => {
                self.answer(ServerFrame::Welcome {
                    contract: self.realtime.compare_contract(hello.contract.as_deref()),
                    limits: WelcomeLimits {
                        max_message_bytes: limits.max_message_bytes,
                        max_subscriptions: limits.max_subscriptions,
                        heartbeat_ms: limits.heartbeat.as_millis() as u64,
                    },
                });
                Ok(())
            }
            ClientFrame::Subscribe { channel, since, reference } => {
                let refused = |error| Refused { error, channel: Some(channel.clone()), reference };
                self.subscribe(&channel, since.as_deref(), reference).await.map_err(refused)
            }
            ClientFrame::Unsubscribe { channel } => {
                self.unsubscribe(&channel).map_err(|error| Refused::on(error, channel))
            }
            ClientFrame::Broadcast { channel, payload, reference } => {
                let reached = match writable(&self.realtime, &channel) {
                    Ok(name) => self.realtime.hub().send(name, payload),
                    Err(error) => return Err(Refused { error, channel: Some(channel), reference }),
                };
                let (position, replay) = (None, None);
                let reached = Some(reached);
                self.answer(ServerFrame::Ack { channel, position, replay, reached, reference });
                Ok(())
            }
            ClientFrame::Heartbeat => {
                self.mark();
                Ok(())
            }
        }
    }

    async fn subscribe(
        &mut self,
        channel: &str,
        since: Option<&str>,
        reference: Option<u64>,
    ) -> Result<(), LiveError> {
        let name = checked(channel)?;
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
        let request = Request { channel: &name, since, reference };
        let subscription = attach(&self.realtime, &self.queue, request).await?;
        // It takes the place of an older one, whose frames behind the new answer are left out.
        if let Some(older) = self.subscriptions.insert(name, subscription) {
            self.realtime.hub().unsubscribe(&older);
        }
        Ok(())
    }

    fn unsubscribe(&mut self, channel: &str) -> Result<(), LiveError> {
        let name = checked(channel)?;
        let found = self.subscriptions.remove(&name);
        let Some(subscription) = found.filter(|subscription| !subscription.has_ended()) else {
            return Err(LiveError::new(
                ErrorCode::NotSubscribed,
                "this connection has no such subscription",
            ));
        };
        self.realtime.hub().unsubscribe(&subscription);
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), End> {
        if self.last_heard.elapsed() > self.realtime.limits().dead_after {
            return Err(End::Close(close::SILENT, "nothing was heard for too long"));
        }
        self.mark();
        // Browsers answer a ping by themselves, so a client that only listens still shows life.
        self.feed(Message::Ping(Vec::new().into())).await?;
        self.flush().await
    }

    /// Queues a heartbeat that says up to where everything has been sent.
    fn mark(&self) {
        self.realtime.hub().mark(&self.queue);
    }

    fn answer(&self, frame: ServerFrame) {
        self.queue.push_own([Queued::Own(encode(&frame))]);
    }

    /// Sends what waits: many frames, one flush. What arrives meanwhile wakes the loop again.
    async fn flush(&mut self) -> Result<(), End> {
        let frames: VecDeque<Queued> = self.queue.take();
        for frame in frames {
            // A lagging subscription has not received everything, so no heartbeat claims it.
            let complete =
                || !self.subscriptions.values().any(|s| s.is_lagging() && !s.has_ended());
            if let Some(text) = frame.into_text(complete) {
                self.feed(Message::Text(text)).await?;
            }
        }
        let flush = timeout(self.realtime.limits().write_timeout, self.socket.flush());
        flush.await.map_err(|_| SLOW)?.map_err(|_| End::Gone)?;
        // There is room again, so what was lost can be owned up to.
        for lost in self.queue.take_lagging() {
            if lost.subscription.has_ended() {
                continue;
            }
            let channel = lost.subscription.channel().to_string();
            self.realtime.hub().resume(&lost.subscription, &self.queue, |position| {
                let (reason, reference) = (lost.reason, None);
                let frame = ServerFrame::Resync { channel, reason, position, reference };
                Queued::Own(encode(&frame))
            });
        }
        Ok(())
    }

    async fn feed(&mut self, message: Message) -> Result<(), End> {
        let feed = timeout(self.realtime.limits().write_timeout, self.socket.feed(message));
        feed.await.map_err(|_| SLOW)?.map_err(|_| End::Gone)
    }
}

impl<S> Session<S> {
    fn leave(&mut self) {
        for (_, subscription) in self.subscriptions.drain() {
            self.realtime.hub().unsubscribe(&subscription);
        }
    }
}

/// However a session ends, the hub forgets it.
impl<S> Drop for Session<S> {
    fn drop(&mut self) {
        self.leave();
    }
}

const SLOW: End = End::Close(close::SLOW, "the client reads too slowly");
const STOPPING: End = End::Close(close::DRAIN, "the server is stopping");

/// A request that was refused, with what the answer repeats of it.
struct Refused {
    error: LiveError,
    channel: Option<String>,
    reference: Option<u64>,
}

impl Refused {
    fn new(error: LiveError) -> Self {
        Self { error, channel: None, reference: None }
    }

    fn on(error: LiveError, channel: String) -> Self {
        Self { error, channel: Some(channel), reference: None }
    }

    fn into_frame(self) -> ServerFrame {
        let LiveError { code, message: error } = self.error;
        // A name of megabytes is not repeated to its sender.
        let channel = self.channel.filter(|channel| channel.len() <= 1_000);
        let (reference, retry_after_ms) = (self.reference, None);
        ServerFrame::Error { code, error, channel, reference, retry_after_ms }
    }
}

fn checked(channel: &str) -> Result<ChannelName, LiveError> {
    ChannelName::new(channel)
        .map_err(|error| LiveError::new(ErrorCode::InvalidChannelName, error.to_string()))
}

/// The channel, if clients may send to it: what the database publishes must stay the database's.
fn writable(realtime: &Realtime, channel: &str) -> Result<ChannelName, LiveError> {
    let name = checked(channel)?;
    let databases = match name.kind() {
        ChannelKind::Table { .. } | ChannelKind::Resource(_) => true,
        ChannelKind::Other { prefix, .. } => realtime.routing().has_resource(prefix),
    };
    if databases {
        return Err(LiveError::new(
            ErrorCode::PermissionDenied,
            "only the database publishes on this channel",
        ));
    }
    Ok(name)
}
