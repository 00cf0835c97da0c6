//! A client that knows the wire and nothing else.

use std::net::SocketAddr;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest, protocol::CloseFrame},
};

use super::PATIENCE;

/// A connection to `/realtime`. Dropping it cuts the TCP connection without a farewell.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// How an upgrade was refused.
#[derive(Debug)]
pub struct TurnedAway {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub body: Value,
}

impl Socket {
    pub async fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.expect("the server accepts");
        Self::over(address, tcp).await
    }

    /// The same at another path.
    pub async fn connect_at(address: SocketAddr, path: &str) -> Self {
        let tcp = TcpStream::connect(address).await.expect("the server accepts");
        Self::upgrade(format!("ws://{address}{path}"), tcp).await
    }

    /// The same with a token.
    pub async fn connect_as(address: SocketAddr, token: &str) -> Self {
        Self::connect_at(address, &format!("/realtime?token={token}")).await
    }

    /// The same over a connection with settings of its own.
    pub async fn over(address: SocketAddr, tcp: TcpStream) -> Self {
        Self::upgrade(format!("ws://{address}/realtime"), tcp).await
    }

    async fn upgrade(url: String, tcp: TcpStream) -> Self {
        let (stream, _) = client_async(url, tcp).await.expect("the server upgrades");
        Self { stream }
    }

    /// An attempt that may be turned away, with headers of its own.
    pub async fn attempt(
        address: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, TurnedAway> {
        Self::attempt_at(address, "/realtime", headers).await
    }

    /// The same at another path.
    pub async fn attempt_at(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, TurnedAway> {
        let tcp = TcpStream::connect(address).await.expect("the server accepts");
        let url = format!("ws://{address}{path}");
        let mut request = url.into_client_request().expect("an address");
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().expect("a header"));
        }
        match client_async(request, tcp).await {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(tungstenite::Error::Http(answer)) => {
                let seconds = answer.headers().get("retry-after").map(|value| {
                    value.to_str().expect("text").parse().expect("a number of seconds")
                });
                let body = answer.body().as_deref().unwrap_or_default();
                Err(TurnedAway {
                    status: answer.status().as_u16(),
                    retry_after: seconds,
                    body: serde_json::from_slice(body).expect("JSON"),
                })
            }
            Err(other) => panic!("{other}"),
        }
    }

    pub async fn send(&mut self, message: Message) {
        timeout(PATIENCE, self.stream.send(message)).await.expect("in time").expect("sent");
    }

    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.send(Message::text(text.into())).await;
    }

    pub async fn send_json(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    /// The next frame, whatever it is; `Err` is the code that the server closed with.
    pub async fn next(&mut self) -> Result<Value, Option<u16>> {
        loop {
            let next = timeout(PATIENCE, self.stream.next()).await.expect("a frame in time");
            match next {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("the server sends JSON"));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|CloseFrame { code, .. }| code.into()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("unexpected {other:?}"),
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// All frames until the server closes, and the code that it closes with.
    pub async fn until_closed(&mut self) -> (Vec<Value>, Option<u16>) {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) => frames.push(frame),
                Err(code) => return (frames, code),
            }
        }
    }

    /// The next frame that is not a heartbeat.
    pub async fn next_json(&mut self) -> Value {
        loop {
            let frame = self.next().await.expect("the connection stays open");
            if frame["type"] != "heartbeat" {
                return frame;
            }
        }
    }

    /// The next frame, which has to be of this type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let frame = self.next_json().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// The next frame, which has to be an error of this name.
    pub async fn expect_error(&mut self, code: &str) -> Value {
        let frame = self.expect("error").await;
        assert_eq!(frame["code"], code, "{frame}");
        assert!(frame["error"].as_str().is_some_and(|text| !text.is_empty()), "{frame}");
        frame
    }

    /// Subscribes from now on; returns the position.
    pub async fn subscribe(&mut self, channel: &str) -> String {
        self.send_json(json!({"type": "subscribe", "channel": channel})).await;
        let ack = self.expect("ack").await;
        assert_eq!(ack["channel"], channel);
        ack["position"].as_str().expect("an ack has a position").to_owned()
    }

    /// Subscribes from a position; returns the answer, `ack`, `resync` or `error`.
    pub async fn subscribe_since(&mut self, channel: &str, since: &str) -> Value {
        let frame = json!({"type": "subscribe", "channel": channel, "since": since});
        self.send_json(frame).await;
        self.next_json().await
    }

    /// The payloads of the next `count` events, whose positions must rise.
    pub async fn payloads(&mut self, count: usize) -> Vec<Value> {
        let mut payloads = Vec::with_capacity(count);
        let mut last = 0;
        while payloads.len() < count {
            let mut frame = self.expect("broadcast").await;
            let offset = offset(frame["position"].as_str().expect("a change has a position"));
            assert!(offset > last, "{frame}");
            last = offset;
            payloads.push(frame["payload"].take());
        }
        payloads
    }

    /// The payload of the next event, which has to be one that no log holds, on this channel.
    pub async fn message(&mut self, channel: &str) -> Value {
        let mut frame = self.expect("broadcast").await;
        assert_eq!(frame["channel"], channel, "{frame}");
        assert!(frame["position"].is_null(), "{frame}");
        frame["payload"].take()
    }

    /// Shows that nothing is under way: the server answers in order, and this is the next answer.
    pub async fn expect_silence(&mut self) {
        self.send_json(json!({"type": "hello"})).await;
        self.expect("welcome").await;
    }

    /// A farewell as the protocol has it.
    pub async fn close(mut self) {
        _ = self.stream.close(None).await;
        while let Some(Ok(_)) = self.stream.next().await {}
    }
}

/// What a position says to those who know how it is made.
pub fn offset(position: &str) -> u64 {
    let (_, offset) = position.split_once('-').expect("epoch and offset");
    offset.parse().expect("a number")
}
