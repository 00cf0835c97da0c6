//! An event stream as a socket: server-sent events down, one request for each frame up.

use std::{collections::VecDeque, io};

use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt, sink, stream};
use hyper::{
    Request, Response, StatusCode, Uri,
    body::Incoming,
    client::conn::http1::handshake,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST},
    http::request::Builder,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::{
    Socket, SocketEvent, SocketFrame, Target,
    socket::{auth_frame, bearer},
};
use crate::contract::{ServerFrame, parse, protocol::Token};

/// Opens an `http://` address; `None` when it cannot be opened, or does not begin as an event stream.
pub(super) async fn open(target: Target) -> Option<Socket> {
    let Target { url, token } = target;
    let uri: Uri = url.parse().ok()?;
    let request = prove(Request::get(&uri), &token).header(ACCEPT, "text/event-stream");
    let response = send(&uri, request.body(Body::empty()).ok()?).await.ok()?;
    if response.status() != StatusCode::OK {
        return None;
    }
    let mut frames = Box::pin(frames(response.into_body()));
    let first = frames.next().await?;
    let Some(ServerFrame::Open { connection }) = parse::server_frame(&first) else { return None };
    let join = if url.contains('?') { '&' } else { '?' };
    let upstream: Uri = format!("{url}{join}connection={connection}").parse().ok()?;
    // A frame that cannot be sent ends the connection, as it would a WebSocket.
    let broken = CancellationToken::new();
    let incoming = stream::once(async { first })
        .chain(frames)
        .map(SocketEvent::Text)
        .take_until(broken.clone().cancelled_owned());
    let start = (upstream, token, broken);
    let outgoing = sink::unfold(start, async |(upstream, mut token, broken), frame| {
        let posted = match frame {
            SocketFrame::Text(text) => post(&upstream, &token, text).await,
            SocketFrame::Auth(fresh) => {
                let posted = post(&upstream, &token, auth_frame(fresh.clone())).await;
                token = Some(fresh);
                posted
            }
            // Letting go of the stream is all the farewell that there is.
            SocketFrame::Close(_) => Some(()),
        };
        if posted.is_none() {
            broken.cancel();
            return Err(());
        }
        Ok((upstream, token, broken))
    });
    Some(Socket { incoming: Box::pin(incoming), outgoing: Box::pin(outgoing) })
}

/// A request with the proof of who makes it.
fn prove(request: Builder, token: &Option<Token>) -> Builder {
    match token.as_ref().and_then(bearer) {
        Some(header) => request.header(AUTHORIZATION, header),
        None => request,
    }
}

async fn post(uri: &Uri, token: &Option<Token>, text: String) -> Option<()> {
    let request = prove(Request::post(uri), token).header(CONTENT_TYPE, "application/json");
    let response = send(uri, request.body(Body::from(text)).ok()?).await.ok()?;
    (response.status() == StatusCode::ACCEPTED).then_some(())
}

/// One request over a connection of its own, which ends with the response's body.
async fn send(uri: &Uri, mut request: Request<Body>) -> io::Result<Response<Incoming>> {
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
    let authority = authority.ok_or_else(|| io::Error::other("not an http:// address"))?;
    let host = authority.host().trim_matches(['[', ']']);
    let tcp = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    tcp.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(tcp)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let headers = request.headers_mut();
    headers.insert(HOST, authority.as_str().parse().map_err(io::Error::other)?);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(io::Error::other)?;
    sender.send_request(request).await.map_err(io::Error::other)
}

/// The `data` of each event, until the body ends or breaks.
fn frames(body: Incoming) -> impl Stream<Item = String> + Send {
    let parts = Body::new(body).into_data_stream();
    let start = (parts, Events::default(), VecDeque::new());
    stream::unfold(start, |(mut parts, mut events, mut read)| async move {
        loop {
            if let Some(frame) = read.pop_front() {
                return Some((frame, (parts, events, read)));
            }
            read.extend(events.read(&parts.next().await?.ok()?));
        }
    })
}

/// Reads `text/event-stream` as far as this protocol uses it: lines end with a line feed, and only `data`
/// matters.
#[derive(Default)]
struct Events {
    /// The start of a line whose end has not come.
    line: Vec<u8>,
    data: Option<String>,
}

impl Events {
    fn read(&mut self, part: &Bytes) -> Vec<String> {
        let mut frames = Vec::new();
        for piece in part.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                frames.extend(self.take(&String::from_utf8_lossy(&line[..line.len() - 1])));
            }
        }
        frames
    }

    /// Takes a line; an empty one ends an event.
    fn take(&mut self, line: &str) -> Option<String> {
        if line.is_empty() {
            return self.data.take();
        }
        if let Some(data) = line.strip_prefix("data:") {
            let data = data.strip_prefix(' ').unwrap_or(data);
            match &mut self.data {
                Some(before) => before.extend(["\n", data]),
                None => self.data = Some(data.into()),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = ":\n\nid: 3\ndata: {\"a\":\ndata: 1}\n\ndata: {\"ü\":2}\n\n".as_bytes();
        for cut in 0..text.len() {
            let mut events = Events::default();
            let mut frames = events.read(&Bytes::copy_from_slice(&text[..cut]));
            frames.extend(events.read(&Bytes::copy_from_slice(&text[cut..])));
            assert_eq!(frames, ["{\"a\":\n1}", "{\"ü\":2}"], "cut at {cut}");
        }
    }
}
