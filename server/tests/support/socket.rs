//! A client that knows the wire and nothing else.

use std::net::SocketAddr;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::CloseFrame},
};

use super::PATIENCE;

/// A connection to `/realtime`. Dropping it cuts the TCP connection without a farewell.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

impl Socket {
    pub async fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.expect("the server accepts");
        Self::over(address, tcp).await
    }

    /// The same as the guest with this cookie.
    pub async fn connect_as(address: SocketAddr, cookie: &str) -> Self {
        let mut request =
            format!("ws://{address}/realtime").into_client_request().expect("a request");
        let cookie = format!("tidewire_guest={cookie}").try_into().expect("a header");
        request.headers_mut().insert("cookie", cookie);
        let tcp = TcpStream::connect(address).await.expect("the server accepts");
        let (stream, _) = client_async(request, tcp).await.expect("the server upgrades");
        Self { stream }
    }

    /// The same over a connection with settings of its own.
    pub async fn over(address: SocketAddr, tcp: TcpStream) -> Self {
        let url = format!("ws://{address}/realtime");
        let (stream, _) = client_async(url, tcp).await.expect("the server upgrades");
        Self { stream }
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
