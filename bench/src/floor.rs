//! What the kernel alone costs: one thread that writes one prebuilt frame to each subscriber with one
//! system call, and parses nothing.

use std::{
    io::Write,
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::{Failure, process::cpu_of};

/// A frame of about the size that Tidewire sends for a product.
const FRAME: &str = r#"{"type":"broadcast","channel":"table:public.products","position":"3bbf3480da10bb77-1000","payload":{"type":"INSERT","schema":"public","table":"products","record":{"id":1000,"name":"Bench","price":1000.0}}}"#;

/// The floor, waiting for its subscribers.
pub struct Floor {
    address: String,
    go: oneshot::Sender<(usize, Duration)>,
    spent: oneshot::Receiver<Result<Duration, Failure>>,
}

impl Floor {
    /// Listens on a free port for this many subscribers.
    pub fn start(subscribers: usize) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let (go, started) = oneshot::channel();
        let (done, spent) = oneshot::channel();
        thread::spawn(move || _ = done.send(serve(&listener, subscribers, started)));
        Ok(Self { address, go, spent })
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends the events; the processor time that took.
    pub async fn run(self, events: usize, pause: Duration) -> Result<Duration, Failure> {
        self.go.send((events, pause)).map_err(|_| "the floor has ended")?;
        self.spent.await?
    }
}

fn serve(
    listener: &TcpListener,
    subscribers: usize,
    started: oneshot::Receiver<(usize, Duration)>,
) -> Result<Duration, Failure> {
    let mut sockets = Vec::with_capacity(subscribers);
    for _ in 0..subscribers {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut socket = tungstenite::accept(stream).map_err(|error| error.to_string())?;
        socket.read()?;
        socket.send(Message::text(r#"{"type":"ack"}"#))?;
        sockets.push(socket);
    }
    let (events, pause) = started.blocking_recv()?;
    let mut frame = vec![0x81, 126];
    frame.extend(u16::try_from(FRAME.len())?.to_be_bytes());
    frame.extend(FRAME.as_bytes());
    let stat = "/proc/thread-self/stat";
    let before = cpu_of(stat)?;
    let start = Instant::now();
    for number in 0..events {
        for socket in &mut sockets {
            socket.get_mut().write_all(&frame)?;
        }
        thread::sleep((pause * (number as u32 + 1)).saturating_sub(start.elapsed()));
    }
    Ok(cpu_of(stat)? - before)
}
