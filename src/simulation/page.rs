//! One page: the real client core, its sockets old and new, and its lists.

use std::collections::{BTreeSet, VecDeque};

use super::{
    kind::Topic,
    list::List,
    model::Truth,
    paths::Path,
    socket::{Frame, Link},
};
use crate::{
    client::{ClientConfig, ClientCore, ClientEvent, ConnectionState, Input, Output},
    contract::{Live, ServerFrame, Snapshot, close, parse},
};

/// How often a hidden page's timers run, in milliseconds.
const THROTTLE_MS: u64 = 60_000;
/// Frames that are kept to be heard once more.
const ECHOES: usize = 8;

/// A page.
pub struct Page<T: Live> {
    pub lists: Vec<List<T>>,
    /// Its timers run once a minute.
    pub hidden: bool,
    /// Nothing runs until then.
    pub asleep_until: u64,
    name: String,
    core: ClientCore,
    truth: Truth<T>,
    socket: Option<Socket<T>>,
    opening: Option<u64>,
    /// Sockets that this side has let go of.
    older: Vec<Socket<T>>,
    /// The newest frames, under the generation of their socket.
    heard: VecDeque<(u64, String)>,
    ticked: u64,
    born: usize,
    known: u64,
    /// Events that lists were given, and the changes among them.
    events: usize,
    delivered: usize,
}

struct Socket<T: Live> {
    generation: u64,
    link: Link<T>,
    /// Said, but not yet at the server.
    up: VecDeque<String>,
}

impl<T: Live> Page<T> {
    pub fn new(name: String, truth: Truth<T>, seed: u64) -> Self {
        let mut page = Self {
            lists: Vec::new(),
            hidden: false,
            asleep_until: 0,
            name,
            core: ClientCore::new(&ClientConfig::default(), seed),
            truth,
            socket: None,
            opening: None,
            older: Vec::new(),
            heard: VecDeque::new(),
            ticked: 0,
            born: 0,
            known: 0,
            events: 0,
            delivered: 0,
        };
        page.handle(Input::Connect, 0);
        page
    }

    pub fn handle(&mut self, input: Input<'_>, now: u64) {
        self.core.handle(input, now);
        self.pump();
    }

    fn pump(&mut self) {
        while let Some(output) = self.core.next_output() {
            match output {
                Output::Open { generation, .. } => self.opening = Some(generation),
                Output::Close { generation, .. } => {
                    self.truth.hit(Path::ClientGaveUp);
                    self.opening = self.opening.filter(|opening| *opening != generation);
                    self.let_go(|socket| socket.generation == generation);
                }
                Output::Send { generation, text } => match &mut self.socket {
                    Some(socket) if socket.generation == generation => socket.up.push_back(text),
                    _ => self.fault(format!("a frame for the wrong socket: {text}")),
                },
                Output::Deliver { owner, event } => {
                    self.events += 1;
                    self.delivered += usize::from(matches!(event, ClientEvent::Change { .. }));
                    if let Some(list) = self.lists.iter_mut().find(|list| list.owner == owner) {
                        list.take(event, &self.truth);
                    }
                }
                Output::State(ConnectionState::Failed(reason)) => self.fault(format!("{reason:?}")),
                Output::Complaint(error) if !self.truth.lock().excused => {
                    self.fault(error.to_string());
                }
                _ => {}
            }
        }
        self.lists.retain(|list| !list.dead);
    }

    fn fault(&self, what: String) {
        self.truth.lock().faults.push(format!("{}: {what}", self.name));
    }

    fn let_go(&mut self, which: impl Fn(&Socket<T>) -> bool) {
        if let Some(socket) = self.socket.take_if(|socket| which(socket)) {
            self.older.push(socket);
            self.lists.iter_mut().for_each(List::disconnected);
        }
    }

    // Lists.

    /// A list appears on the page, or a listener that has no rows.
    pub fn join(&mut self, topic: Topic, snapshot: Option<Snapshot<T>>, now: u64) {
        let since = snapshot.as_ref().map(|snapshot| snapshot.position);
        let channel = self.truth.lock().kind.name(topic).clone();
        let owner = self.core.subscribe(&channel, since, now);
        self.born += 1;
        let who = format!("{}'s list {} of {channel}", self.name, self.born);
        let mut list = List::new(who, owner, topic, snapshot);
        list.known = self.known;
        self.lists.push(list);
        self.pump();
    }

    pub fn leave(&mut self, list: usize, now: u64) {
        let list = self.lists.remove(list);
        self.core.unsubscribe(list.owner, now);
        self.pump();
    }

    pub fn rebase(&mut self, list: usize, snapshot: Snapshot<T>, now: u64) {
        let position = snapshot.position;
        let list = &mut self.lists[list];
        list.load(snapshot, &self.truth);
        self.core.rebase(list.owner, position, now);
        self.pump();
    }

    // Sockets.

    pub fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    pub fn is_connected(&self) -> bool {
        self.core.state() == ConnectionState::Connected
    }

    /// The socket is open, or (`None`) could not be opened.
    pub fn opened(&mut self, link: Option<Link<T>>, known: u64, now: u64) {
        let Some(generation) = self.opening.take() else { return };
        let Some(link) = link else {
            self.truth.hit(Path::OpenFailed);
            return self.handle(Input::Closed { generation, code: 1006 }, now);
        };
        self.known = known;
        self.lists.iter_mut().for_each(|list| list.known = known);
        self.socket = Some(Socket { generation, link, up: VecDeque::new() });
        self.handle(Input::Opened { generation }, now);
    }

    /// Frames reach the server; how many did.
    pub fn up(&mut self, frames: usize, twice: bool) -> usize {
        let Some(socket) = &mut self.socket else { return 0 };
        let frames = frames.min(socket.up.len());
        for (index, text) in socket.up.drain(..frames).enumerate() {
            // Without a position the second means something else: from now on.
            if twice && index == 0 && text.contains("\"since\"") {
                self.truth.hit(Path::RequestTwice);
                socket.link.send(text.clone());
            }
            socket.link.send(text);
        }
        frames
    }

    /// Frames reach the client; how many did.
    pub fn down(&mut self, frames: usize, twice: bool, now: u64) -> usize {
        for count in 0..frames {
            let Some(Socket { generation, link, .. }) = &self.socket else { return count };
            let generation = *generation;
            let again = twice && count == 0;
            match if again { link.peek() } else { link.receive() } {
                Some(Frame::Text(text)) => {
                    if again {
                        self.truth.hit(Path::FrameTwice);
                    }
                    self.feed(generation, &text, now);
                    self.heard.push_back((generation, text));
                    if self.heard.len() > ECHOES {
                        self.heard.pop_front();
                    }
                }
                Some(Frame::Closed(code)) => self.lost(generation, code, now),
                None if link.is_over() => self.lost(generation, 1006, now),
                None => return count,
            }
        }
        frames
    }

    fn feed(&mut self, generation: u64, text: &str, now: u64) {
        let (delivered, frozen) = (self.delivered, self.lists.iter().filter(|l| l.frozen).count());
        self.handle(Input::Frame { generation, text }, now);
        if !text.contains("\"broadcast\"") || !text.contains("\"position\"") {
            return;
        }
        let Some(ServerFrame::Broadcast { channel, .. }) = parse::server_frame(text) else {
            return;
        };
        let topic = self.truth.lock().kind.named(&channel);
        let owners = self.lists.iter().filter(|list| Some(list.topic) == topic && !list.frozen);
        if self.delivered - delivered < owners.count() {
            self.truth.hit(Path::OwnerDedup);
        }
        if frozen > 0 {
            self.truth.hit(Path::FrozenSkip);
        }
    }

    fn lost(&mut self, generation: u64, code: u16, now: u64) {
        match code {
            close::DRAIN => self.truth.hit(Path::Drained),
            close::SILENT => self.truth.hit(Path::SilentClosed),
            _ => {}
        }
        self.let_go(|_| true);
        self.handle(Input::Closed { generation, code }, now);
    }

    /// The socket breaks.
    pub fn cut(&mut self, client_knows: bool, server_knows: bool, now: u64) {
        let Some(socket) = &mut self.socket else { return };
        self.truth.hit(Path::Cut);
        if server_knows {
            socket.link.hang_up();
            socket.up.clear();
        } else {
            self.truth.hit(Path::HalfOpen);
        }
        let generation = socket.generation;
        if client_knows {
            self.lost(generation, 1006, now);
        }
    }

    /// An older socket is heard of once more: by the client, by the server, or its end.
    pub fn haunt(&mut self, what: u8, now: u64) {
        match what {
            0..3 => {
                let Some(socket) = self.older.first() else { return };
                let (generation, link) = (socket.generation, socket.link.clone());
                while let Some(Frame::Text(text)) = link.receive() {
                    self.truth.hit(Path::OlderSocket);
                    self.ignore(generation, &text, now);
                }
            }
            3 => {
                let Some(socket) = self.older.first_mut() else { return };
                socket.up.pop_front().into_iter().for_each(|text| socket.link.send(text));
            }
            4 if !self.older.is_empty() => self.older.remove(0).link.hang_up(),
            _ => {
                let newest = self.socket.as_ref().map_or(u64::MAX, |socket| socket.generation);
                let heard = self.heard.iter().filter(|(generation, _)| *generation < newest);
                for (generation, text) in heard.cloned().collect::<Vec<_>>() {
                    self.truth.hit(Path::OlderEcho);
                    self.ignore(generation, &text, now);
                }
            }
        }
    }

    /// A frame of an older socket, of which nobody may hear.
    fn ignore(&mut self, generation: u64, text: &str, now: u64) {
        let before = self.events;
        self.feed(generation, text, now);
        if self.events != before {
            self.fault(format!("an older socket was listened to: {text}"));
        }
    }

    /// Every older socket ends.
    pub fn bury(&mut self) {
        self.older.drain(..).for_each(|socket| socket.link.hang_up());
    }

    /// The page is closed.
    pub fn close(&mut self) {
        self.bury();
        self.socket.take().into_iter().for_each(|socket| socket.link.hang_up());
    }

    /// The page is visible again, or the machine awake.
    pub fn wake(&mut self, now: u64) {
        (self.hidden, self.asleep_until) = (false, 0);
        self.handle(Input::Wake, now);
    }

    /// Whether the page waits to ask for a subscription that was refused for now.
    pub fn asks_again(&self) -> bool {
        self.core.asks_again_at().is_some()
    }

    /// Time has passed.
    pub fn tick(&mut self, now: u64) {
        if self.asleep_until > now {
            return;
        }
        let due = self.core.next_deadline().is_some_and(|deadline| deadline <= now);
        if due && self.hidden && now < self.ticked + THROTTLE_MS {
            return self.truth.hit(Path::Throttled);
        }
        self.ticked = now;
        while self.core.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.handle(Input::Tick, now);
        }
    }

    /// The channels that the page follows, and whether the core agrees.
    pub fn topics(&self) -> usize {
        let topics: BTreeSet<_> = self.lists.iter().map(|list| list.topic).collect();
        if self.core.channels() != topics.len() {
            self.fault(format!("{} channels instead of {topics:?}", self.core.channels()));
        }
        topics.len()
    }
}
