//! The task that owns the socket and the timer of a native client.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::{
    SinkExt, Stream, StreamExt,
    future::{self, BoxFuture},
    stream::FuturesUnordered,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use super::{Connector, Inner, Socket, SocketEvent, SocketFrame, Target};
use crate::client::{
    config::{Auth, ClientConfig, stream_address},
    connection::ABNORMAL,
    core::{Input, Output},
    event::ClientEvent,
};
use crate::contract::{Transport, protocol::Token};

/// How long a farewell may take before the socket is let go without it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Runs until the client is closed, then says farewell and ends.
pub(super) async fn run(inner: Arc<Inner>, config: ClientConfig, connector: Connector) {
    let mut driver = Driver {
        inner,
        config,
        connector,
        opening: None,
        renewing: None,
        open: None,
        farewells: FuturesUnordered::new(),
        arrived: None,
    };
    while driver.settle() {
        driver.wait().await;
    }
    driver.inner.end();
    while driver.farewells.next().await.is_some() {}
}

struct Driver {
    inner: Arc<Inner>,
    config: ClientConfig,
    connector: Connector,
    opening: Option<(u64, BoxFuture<'static, Option<Socket>>)>,
    /// A fresh token for the open socket.
    renewing: Option<(u64, BoxFuture<'static, String>)>,
    open: Option<OpenSocket>,
    farewells: FuturesUnordered<BoxFuture<'static, ()>>,
    /// When the frame came whose effects are being worked off.
    arrived: Option<Instant>,
}

struct OpenSocket {
    generation: u64,
    incoming: Pin<Box<dyn Stream<Item = SocketEvent> + Send>>,
    frames: mpsc::UnboundedSender<SocketFrame>,
    /// Writes what `frames` gets, so that a server that does not read stops nothing else.
    writer: Option<BoxFuture<'static, ()>>,
}

impl Driver {
    /// Does everything that there is to do; `false` when the client was closed.
    fn settle(&mut self) -> bool {
        loop {
            let mut shared = self.inner.lock();
            let Some(output) = shared.core.next_output() else {
                if let Some(arrived) = self.arrived.take() {
                    let took = arrived.elapsed().as_millis();
                    shared.core.applied(u64::try_from(took).unwrap_or(u64::MAX));
                }
                return !shared.closed;
            };
            drop(shared);
            self.perform(output);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Open { generation, transport } => {
                self.opening = Some((generation, self.connect(transport)));
            }
            Output::Close { generation, code } => {
                self.opening.take_if(|(number, _)| *number == generation);
                if let Some(open) = self.open.take_if(|open| open.generation == generation) {
                    self.part(open, Some(code));
                }
            }
            Output::Send { generation, text } => {
                if let Some(open) = self.open.as_ref().filter(|o| o.generation == generation) {
                    self.log("sent", &text);
                    // A writer that is gone leaves the socket's end to the reader.
                    let _ = open.frames.send(SocketFrame::Text(text));
                }
            }
            Output::Deliver { owner, event } => {
                let last = matches!(event, ClientEvent::Refused(_));
                let mut shared = self.inner.lock();
                if let Some(receiver) = shared.receivers.get(&owner) {
                    // The receiver may be on its way out.
                    let _ = receiver.send(event);
                }
                if last {
                    shared.receivers.remove(&owner);
                }
            }
            Output::State(state) => {
                self.inner.state.send_replace(state);
            }
            Output::BroadcastResult { reference, result } => {
                if let Some(sender) = self.inner.lock().broadcasts.remove(&reference) {
                    // Whoever asked may have stopped waiting.
                    let _ = sender.send(result);
                }
            }
            Output::Renew { generation } => {
                if let Some(Auth::Fetch(source)) = &self.config.auth {
                    self.renewing = Some((generation, source()));
                }
            }
            Output::Verdict(verdict) => tracing::debug!(?verdict, "contract"),
            Output::Complaint(error) => tracing::debug!(%error, "the server complained"),
        }
    }

    /// Waits for whatever comes first and tells the core.
    async fn wait(&mut self) {
        let deadline = self.inner.deadline();
        let (incoming, writer, generation) = match &mut self.open {
            Some(open) => (Some(&mut open.incoming), open.writer.as_mut(), open.generation),
            None => (None, None, 0),
        };
        let due = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            () = self.inner.wake.notified() => {}
            () = due => self.inner.step(Input::Tick),
            (generation, socket) = done(&mut self.opening) => self.opened(generation, socket),
            (generation, token) = done(&mut self.renewing) => self.renewed(generation, token),
            event = received(incoming) => self.received(generation, event),
            () = written(writer) => {
                if let Some(open) = &mut self.open {
                    open.writer = None;
                }
            }
            _ = self.farewells.next(), if !self.farewells.is_empty() => {}
        }
    }

    fn connect(&self, transport: Transport) -> BoxFuture<'static, Option<Socket>> {
        let url = match transport {
            Transport::WebSocket => self.config.url.clone(),
            Transport::EventStream => stream_address(&self.config.url),
        };
        let auth = self.config.auth.clone();
        let connector = self.connector.clone();
        Box::pin(async move {
            let token = match auth {
                None => String::new(),
                Some(Auth::Token(token)) => token,
                Some(Auth::Fetch(source)) => source().await,
            };
            let token = Some(Token(token)).filter(|token| !token.0.is_empty());
            connector(Target { url, token }).await
        })
    }

    /// Tells the server before the old token expires. Past the core and the log, which need not know it.
    fn renewed(&mut self, generation: u64, token: String) {
        self.renewing = None;
        let open = self.open.as_ref().filter(|open| open.generation == generation);
        if let Some(open) = open.filter(|_| !token.is_empty()) {
            // A writer that is gone leaves the socket's end to the reader.
            let _ = open.frames.send(SocketFrame::Auth(Token(token)));
        }
    }

    fn opened(&mut self, generation: u64, socket: Option<Socket>) {
        self.opening = None;
        let Some(Socket { incoming, mut outgoing }) = socket else {
            return self.inner.step(Input::Closed { generation, code: ABNORMAL });
        };
        let (frames, mut queue) = mpsc::unbounded_channel();
        let writer = Box::pin(async move {
            while let Some(frame) = queue.recv().await {
                if outgoing.send(frame).await.is_err() {
                    return;
                }
            }
            // The other side may be gone already, which is what closing wants.
            let _ = outgoing.close().await;
        });
        self.open = Some(OpenSocket { generation, incoming, frames, writer: Some(writer) });
        self.inner.step(Input::Opened { generation });
    }

    fn received(&mut self, generation: u64, event: Option<SocketEvent>) {
        match event {
            Some(SocketEvent::Text(text)) => {
                self.arrived = Some(Instant::now());
                self.log("received", &text);
                self.inner.step(Input::Frame { generation, text: &text });
            }
            closed => {
                let code = match closed {
                    Some(SocketEvent::Closed(code)) => code,
                    _ => ABNORMAL,
                };
                if let Some(open) = self.open.take() {
                    self.part(open, None);
                }
                self.inner.step(Input::Closed { generation, code });
            }
        }
    }

    /// Lets the writer finish in the background.
    fn part(&mut self, open: OpenSocket, code: Option<u16>) {
        if let Some(code) = code {
            // A writer that is gone needs no farewell.
            let _ = open.frames.send(SocketFrame::Close(code));
        }
        drop((open.frames, open.incoming));
        if let Some(writer) = open.writer {
            self.farewells.push(Box::pin(async move {
                let _ = timeout(FAREWELL, writer).await;
            }));
        }
    }

    fn log(&self, what: &'static str, text: &str) {
        if self.config.debug {
            tracing::debug!(text, "{what}");
        }
    }
}

async fn done<T>(waiting: &mut Option<(u64, BoxFuture<'static, T>)>) -> (u64, T) {
    match waiting {
        Some((generation, done)) => (*generation, done.await),
        None => future::pending().await,
    }
}

async fn received(
    incoming: Option<&mut Pin<Box<dyn Stream<Item = SocketEvent> + Send>>>,
) -> Option<SocketEvent> {
    match incoming {
        Some(incoming) => incoming.next().await,
        None => future::pending().await,
    }
}

async fn written(writer: Option<&mut BoxFuture<'static, ()>>) {
    match writer {
        Some(writer) => writer.await,
        None => future::pending().await,
    }
}
