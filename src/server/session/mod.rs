//! One connection: reads requests, answers them, and sends what its queue holds. Generic over the
//! socket, so that it is tested without a network.

mod presence;
mod request;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::{
    Peer, Realtime,
    event::encode,
    limiter::{RequestKind, Requests},
    metrics::ClientMeter,
    presence::Connection,
    queue::{Queue, Queued},
    subscription::Subscription,
};
use crate::contract::{ChannelName, ErrorCode, LiveError, ServerFrame, close};
use request::Refused;

/// The state of one connection.
pub struct Session<S> {
    realtime: Realtime,
    socket: S,
    peer: Peer,
    queue: Arc<Queue>,
    subscriptions: HashMap<ChannelName, Arc<Subscription>>,
    presence: Arc<Connection>,
    last_heard: Instant,
    requests: Requests,
    meter: Arc<ClientMeter>,
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
    /// A session over an open socket, with whoever is at its other end.
    pub fn new(realtime: Realtime, socket: S, peer: Peer) -> Self {
        let queue = Arc::new(Queue::new(realtime.limits()).of(peer.identity.clone()));
        let subscriptions = HashMap::new();
        let presence = realtime.presence().connect(peer.identity.id(), &queue);
        let requests = Requests::new(realtime.limits());
        let meter = ClientMeter::new(realtime.metrics(), &peer, &queue);
        let last_heard = Instant::now();
        Self { realtime, socket, peer, queue, subscriptions, presence, last_heard, requests, meter }
    }

    /// Serves the connection until it ends.
    pub async fn run(mut self) {
        let _counted = self.meter.open(self.realtime.metrics());
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
            realtime.metrics().closed(code);
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
            // In a fixed order, so that a simulated run can be repeated. Nobody starves: whatever the client
            // sends empties the queue too.
            let step = tokio::select! {
                biased;
                () = realtime.stopping() => {
                    let within_ms = realtime.drain_window().as_millis() as u64;
                    self.answer(ServerFrame::Drain { within_ms });
                    _ = self.flush().await;
                    return STOPPING;
                }
                _ = heartbeat.tick() => self.beat().await,
                message = self.socket.next() => match message {
                    Some(Ok(message)) => self.receive(message).await,
                    Some(Err(_)) | None => Err(End::Gone),
                },
                () = self.queue.ready() => self.flush().await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        self.last_heard = Instant::now();
        self.meter.heard();
        if self.presence.heard() {
            self.realtime.presence().revive(&self.presence);
        }
        match message {
            Message::Text(text) => {
                self.meter.received(self.realtime.metrics());
                if let Err(refused) = self.handle(&text).await {
                    self.refuse(refused)?;
                }
                // Answers are out before the next request is read, so they cannot pile up.
                self.flush().await
            }
            Message::Binary(_) => {
                self.meter.received(self.realtime.metrics());
                let error = LiveError::new(
                    ErrorCode::MalformedMessage,
                    "binary frames are not understood here; send JSON text",
                );
                let limited = self.requests.count(RequestKind::Other).err();
                self.refuse(Refused::new(limited.unwrap_or(error)))?;
                self.flush().await
            }
            Message::Ping(_) | Message::Pong(_) => self.flush().await,
            Message::Close(_) => Err(End::Gone),
        }
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
        // Nor while a live query's answer to what has happened so far is still to come.
        let complete = || !self.subscriptions.values().any(|s| s.is_waiting() && !s.has_ended());
        self.realtime.hub().mark(&self.queue, complete);
    }

    /// Answers a request that was refused; ends the connection of who takes no notice.
    fn refuse(&self, refused: Refused) -> Result<(), End> {
        tracing::debug!(code = refused.error.code.as_str(), "request refused");
        self.realtime.metrics().error(refused.error.code);
        self.answer(refused.into_frame());
        if self.requests.is_flood() { Err(FLOOD) } else { Ok(()) }
    }

    fn answer(&self, frame: ServerFrame) {
        self.queue.push_own([Queued::Own(encode(&frame))]);
    }

    /// Sends what waits: many frames, one flush. What arrives meanwhile wakes the loop again.
    async fn flush(&mut self) -> Result<(), End> {
        let frames: VecDeque<Queued> = self.queue.take();
        let (mut sent, mut committed_ms) = (0, None);
        for frame in frames {
            committed_ms = frame.committed_ms().or(committed_ms);
            // A lagging subscription has not received everything, so no heartbeat claims it.
            let complete =
                || !self.subscriptions.values().any(|s| s.is_lagging() && !s.has_ended());
            if let Some(text) = frame.into_text(complete) {
                self.feed(Message::Text(text)).await?;
                sent += 1;
            }
        }
        let flush = timeout(self.realtime.limits().write_timeout, self.socket.flush());
        flush.await.map_err(|_| SLOW)?.map_err(|_| End::Gone)?;
        self.meter.sent(self.realtime.metrics(), sent, committed_ms);
        // There is room again, so what was lost can be owned up to.
        self.realtime.hub().resume_lagging(&self.queue);
        if self.presence.is_stale() {
            self.realtime.presence().refresh(&self.presence);
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
        self.realtime.presence().lost(&self.presence);
    }
}

/// However a session ends, the hub forgets it.
impl<S> Drop for Session<S> {
    fn drop(&mut self) {
        self.leave();
    }
}

const SLOW: End = End::Close(close::SLOW, "the client reads too slowly");
const FLOOD: End = End::Close(close::FLOOD, "the client asks for far more than it may");
const STOPPING: End = End::Close(close::DRAIN, "the server is stopping");
