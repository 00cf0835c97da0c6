//! `GET /realtime/sse`: a session over server-sent events, and `POST`, which carries a client's frames to
//! it: for whom no proxy lets a WebSocket through, and for programs that only listen.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{
        FromRef, State,
        ws::{Message, Utf8Bytes},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::sync::mpsc;

use super::{
    super::{
        Peer, Realtime,
        identity::{Connect, Identity, Kind},
        session::Session,
    },
    admit::{Origin, admit},
    body::{read, too_large},
    event_ids::is_query,
    event_socket::EventSocket,
    query::Query,
    refuse::refuse,
};
use crate::contract::{
    ClientFrame, ErrorCode, LiveError, ServerFrame, Transport, protocol::Health,
};

/// The parameters of an address, in order; `channel` may come often.
type Parameters = Query<Vec<(String, String)>>;

/// The open streams of this process, by their connections' names.
#[derive(Clone)]
struct Streams {
    realtime: Realtime,
    open: Arc<Mutex<HashMap<String, Upstream>>>,
}

/// The way to one session.
#[derive(Clone)]
struct Upstream {
    /// Who opened the stream. `None` for a guest whom the server could not tell from another one; then
    /// the connection's name is the only proof, and nobody else has been told it.
    owner: Option<Identity>,
    requests: mpsc::Sender<Message>,
}

impl Upstream {
    /// Whether who makes a request may speak on this stream.
    fn is_of(&self, identity: &Identity) -> bool {
        match &self.owner {
            Some(owner) => owner == identity,
            None => identity.kind() == Kind::Guest,
        }
    }
}

impl FromRef<Streams> for Realtime {
    fn from_ref(streams: &Streams) -> Self {
        streams.realtime.clone()
    }
}

/// Both halves, at `path`.
pub fn routes<S: Clone + Send + Sync + 'static>(realtime: Realtime, path: &str) -> Router<S> {
    let streams = Streams { realtime, open: Arc::default() };
    Router::new().route(path, get(open).post(post)).with_state(streams)
}

/// Opens a stream and subscribes to the channels of the address.
async fn open(
    State(streams): State<Streams>,
    Origin(address): Origin,
    Query(parameters): Parameters,
    headers: HeaderMap,
) -> Response {
    let realtime = streams.realtime.clone();
    // First, so that a crowd costs no look at who they are.
    let admitted = match admit(&realtime, address) {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    let identity = match identify(&realtime, &headers, &parameters, address).await {
        Ok(identity) => identity,
        Err(refusal) => return *refusal,
    };
    let owner = match identity.kind() {
        // A guest without a cookie is another guest at every request. Asked without the ticket, which
        // holds only once.
        Kind::Guest => match identify(&realtime, &headers, &[], address).await {
            Ok(again) => (again == identity).then(|| identity.clone()),
            Err(refusal) => return *refusal,
        },
        Kind::User | Kind::Service => Some(identity.clone()),
    };
    // One at a time, like the frames of a socket that are not read before the last one is answered.
    let (sender, requests) = mpsc::channel(1);
    let connection = match streams.add(Upstream { owner, requests: sender }) {
        Ok(connection) => connection,
        Err(error) => {
            tracing::error!(%error, "no random numbers");
            let error = LiveError::new(ErrorCode::Internal, "the server has no random numbers");
            return refuse(error);
        }
    };
    let open = ServerFrame::Open { connection: connection.name.clone() };
    let (socket, body) = EventSocket::pair(&open, asked(&parameters, &headers), requests);
    let peer = Peer { identity, address, transport: Transport::EventStream };
    let session = Session::new(realtime.clone(), socket, peer);
    realtime.tasks().spawn(async move {
        session.run().await;
        drop((connection, admitted));
    });
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/event-stream"),
        (header::CACHE_CONTROL.as_str(), "no-cache"),
        // nginx would hold events back to fill its buffer.
        ("x-accel-buffering", "no"),
    ];
    (headers, Body::from_stream(body)).into_response()
}

/// Takes one frame of the client. The answer to it comes on the stream.
async fn post(
    State(streams): State<Streams>,
    Origin(address): Origin,
    Query(parameters): Parameters,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let identity = match identify(&streams.realtime, &headers, &parameters, address).await {
        Ok(identity) => identity,
        Err(refusal) => return *refusal,
    };
    let upstream = parameter(&parameters, "connection").and_then(|name| streams.find(name));
    // Whoever else it is does not learn that there is such a connection.
    let Some(upstream) = upstream.filter(|upstream| upstream.is_of(&identity)) else {
        return gone();
    };
    // Room before the body, so that a stream has at most one frame in memory that is not read yet.
    let Ok(room) = upstream.requests.reserve().await else { return gone() };
    let limits = streams.realtime.limits();
    let longest = limits.max_frame_bytes;
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > longest) {
        return refuse(too_large(longest));
    }
    let bytes = tokio::select! {
        bytes = read(body, longest, limits.write_timeout) => match bytes {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) => return refuse(error),
        },
        // A body that does not come must not outlive its stream.
        () = upstream.requests.closed() => return gone(),
    };
    room.send(match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    });
    StatusCode::ACCEPTED.into_response()
}

/// The subscriptions of the address as frames, and a heartbeat behind them: its answer says where the
/// stream stands once all of them are answered.
fn asked(parameters: &[(String, String)], headers: &HeaderMap) -> VecDeque<Message> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::trim);
    let since = last.filter(|id| !id.is_empty()).or_else(|| parameter(parameters, "since"));
    let channels = parameters.iter().filter(|(name, _)| name == "channel");
    let mut frames: VecDeque<ClientFrame> = channels
        .map(|(_, channel)| ClientFrame::Subscribe {
            channel: channel.clone(),
            // The stream's position says nothing about an answer, which may not have come yet.
            since: since.filter(|_| !is_query(channel)).map(str::to_owned),
            presence: None,
            reference: None,
        })
        .collect();
    if !frames.is_empty() {
        frames.push_back(ClientFrame::Heartbeat(Health::default()));
    }
    let text = |frame| serde_json::to_string(&frame).expect("frames are plain data");
    frames.into_iter().map(|frame| Message::text(text(frame))).collect()
}

fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

async fn identify(
    realtime: &Realtime,
    headers: &HeaderMap,
    parameters: &[(String, String)],
    address: Option<IpAddr>,
) -> Result<Identity, Box<Response>> {
    let request = Connect { headers, token: parameter(parameters, "token"), address };
    let identity = realtime.identify(request).await;
    identity.map_err(|error| Box::new(refuse(error)))
}

fn gone() -> Response {
    let error = LiveError::new(ErrorCode::UnknownConnection, "there is no such connection");
    refuse(error)
}

/// A stream's entry among the open ones, for as long as its session runs.
struct Entry {
    name: String,
    streams: Streams,
}

impl Streams {
    fn add(&self, upstream: Upstream) -> Result<Entry, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let name = format!("{:032x}", u128::from_be_bytes(random));
        self.lock().insert(name.clone(), upstream);
        Ok(Entry { name, streams: self.clone() })
    }

    fn find(&self, name: &str) -> Option<Upstream> {
        self.lock().get(name).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Upstream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.streams.lock().remove(&self.name);
    }
}
