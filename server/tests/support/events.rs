//! A client of event streams that knows HTTP/1.1, the wire and nothing else.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{Answer, PATIENCE, http::request};

/// An open stream. Dropping it cuts the TCP connection without a farewell.
pub struct Events {
    address: SocketAddr,
    tcp: BufReader<TcpStream>,
    /// The answer's status line and headers, in lower case.
    pub head: String,
    /// The connection's name.
    pub connection: String,
    /// The newest `id`, as a browser would send it back.
    pub last_id: Option<String>,
    /// How many comments came.
    pub comments: usize,
    /// What has come and is not read yet.
    text: String,
}

impl Events {
    /// Opens `/realtime/sse` with these parameters.
    pub async fn open(address: SocketAddr, parameters: &str) -> Self {
        Self::open_with(address, parameters, "").await
    }

    /// The same with further header lines, each with its line end.
    pub async fn open_with(address: SocketAddr, parameters: &str, headers: &str) -> Self {
        let tcp = TcpStream::connect(address).await.expect("the server accepts");
        Self::over(tcp, parameters, headers).await
    }

    /// The same over a connection with settings of its own.
    pub async fn over(mut tcp: TcpStream, parameters: &str, headers: &str) -> Self {
        let address = tcp.peer_addr().expect("an address");
        let path = format!("/realtime/sse?{parameters}");
        let text = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        tcp.write_all(text.as_bytes()).await.expect("it can be asked");
        let mut tcp = BufReader::new(tcp);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = timeout(PATIENCE, tcp.read_line(&mut head)).await.expect("a head in time");
            assert_ne!(read.expect("text"), 0, "the answer is cut off: {head}");
        }
        head.make_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let mut events = Self {
            address,
            tcp,
            head,
            connection: String::new(),
            last_id: None,
            comments: 0,
            text: String::new(),
        };
        let open = events.next().await.expect("a first event");
        assert_eq!(open["type"], "open");
        events.connection = open["connection"].as_str().expect("a name").to_owned();
        events
    }

    /// The next frame; `None` when the stream has ended as it should, or was cut off.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let mut data: Vec<&str> = Vec::new();
                for line in event.split('\n') {
                    match line.split_once(": ").unwrap_or((line, "")) {
                        ("id", id) => self.last_id = Some(id.to_owned()),
                        ("data", text) => data.push(text),
                        (":", _) => self.comments += 1,
                        other => panic!("not of this protocol: {other:?}"),
                    }
                }
                if !data.is_empty() {
                    return Some(serde_json::from_str(&data.join("\n")).expect("JSON"));
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.chunk()).await.expect("an event in time")?;
            self.text += &chunk;
        }
    }

    /// All frames until the stream ends.
    pub async fn until_closed(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    async fn chunk(&mut self) -> Option<String> {
        let mut size = String::new();
        self.tcp.read_line(&mut size).await.ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok().filter(|size| *size > 0)?;
        let mut bytes = vec![0; size + 2];
        self.tcp.read_exact(&mut bytes).await.ok()?;
        bytes.truncate(size);
        Some(String::from_utf8(bytes).expect("a chunk ends between two events"))
    }

    /// The next frame that is not a heartbeat.
    pub async fn next_json(&mut self) -> Value {
        loop {
            let frame = self.next().await.expect("the stream goes on");
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
        frame
    }

    /// Sends a frame, which the server has to take.
    pub async fn send(&self, frame: Value) {
        let answer = self.post("", frame.to_string().as_bytes()).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    }

    /// Sends any bytes with further header lines.
    pub async fn post(&self, headers: &str, body: &[u8]) -> Answer {
        post_frame(self.address, &self.connection, headers, body).await
    }
}

/// A frame for a connection of this name.
pub async fn post_frame(
    address: SocketAddr,
    connection: &str,
    headers: &str,
    body: &[u8],
) -> Answer {
    let head = format!("POST /realtime/sse?connection={connection} HTTP/1.1\r\n{headers}");
    request(address, &head, body).await.expect("the server answers")
}
