//! Random schedules of writes, delays, failures, cuts, returns and page loads against the rules of
//! `answers` and `watch`: in the end every client shows what the query answers.
//!
//! Time is the order of the steps, so each interleaving that a real clock could make can come.

use std::collections::VecDeque;

use super::{
    Watch,
    answers::{Answers, Greeting},
};

/// The answer for each offset of the log; few different ones, so that it often comes back to an old one.
type Log = Vec<u8>;

const TABLES: &[&str] = &["t"];

/// What a client shows when the database could not be read for it.
const REFUSED: u8 = 99;

struct Server {
    /// `log[offset]` is the answer there; `None` entries of other tables repeat the one before.
    log: Log,
    /// Whether the entry at the offset is the query's table's.
    concerns: Vec<bool>,
    /// The hub has published up to here.
    head: usize,
    watch: Watch,
    runner: Option<Runner>,
}

#[derive(Default)]
struct Runner {
    answers: Answers,
    newest: Option<u8>,
    /// The offset of the reading under way.
    reading: Option<usize>,
}

enum Frame {
    Answer(u8),
    Position(usize),
}

struct Client {
    shown: Option<u8>,
    /// 0 for who has nothing.
    position: usize,
    connected: bool,
    owed: bool,
    /// Has nothing to show, and was not told why.
    empty: bool,
    /// Where it stood when it came.
    since: usize,
    /// What is under way to it, in order.
    wire: VecDeque<Frame>,
}

impl Server {
    fn write(&mut self, random: &mut fastrand::Rng) {
        let concerns = random.u8(..3) > 0;
        let last = self.log[self.log.len() - 1];
        self.log.push(if concerns { random.u8(..3) } else { last });
        self.concerns.push(concerns);
    }

    fn publish(&mut self) {
        if self.head + 1 < self.log.len() {
            self.head += 1;
            let table = if self.concerns[self.head] { "t" } else { "other" };
            self.watch.changed(table, self.head as u64);
            if self.concerns[self.head]
                && let Some(runner) = &mut self.runner
            {
                runner.answers.changed();
            }
        }
    }

    fn begin(&mut self) {
        let now = self.log.len() - 1;
        if let Some(runner) = &mut self.runner
            && runner.reading.is_none()
            && runner.answers.is_wanted()
        {
            runner.answers.begin();
            runner.reading = Some(now);
        }
    }

    fn finish(&mut self, readable: bool, clients: &mut [Client]) {
        let Some(runner) = &mut self.runner else { return };
        let Some(read_at) = runner.reading.take() else { return };
        if !readable {
            runner.answers.fail();
            for client in clients.iter_mut().filter(|client| client.connected) {
                if std::mem::take(&mut client.empty) {
                    client.wire.push_back(Frame::Answer(REFUSED));
                }
            }
            return;
        }
        let answer = self.log[read_at];
        let news = runner.answers.finish(&answer.to_string(), read_at as u64);
        runner.newest = Some(answer);
        for client in clients.iter_mut().filter(|client| client.connected) {
            if client.since > read_at {
                client.owed = true;
                continue;
            }
            client.empty = false;
            if std::mem::take(&mut client.owed) || news {
                client.wire.push_back(Frame::Answer(answer));
            }
        }
    }

    fn join(&mut self, client: &mut Client) {
        let since = (client.position > 0).then_some(client.position as u64);
        let quiet = since.is_some_and(|since| self.watch.quiet(TABLES, since));
        let runner = self.runner.get_or_insert_default();
        let greeting = runner.answers.greet(since, quiet);
        client.owed = greeting == Greeting::Next;
        client.empty = client.owed && since.is_none();
        client.since = client.position;
        client.connected = true;
        if let (Greeting::Newest, Some(newest)) = (greeting, runner.newest) {
            client.wire.push_back(Frame::Answer(newest));
        }
    }

    /// Nobody has listened for a while, or the server starts anew and reads the log first.
    fn lose_runner(&mut self, restart: bool, clients: &mut [Client], floor: usize) {
        if restart {
            clients.iter_mut().for_each(Client::cut);
            while self.head + 1 < self.log.len() {
                self.publish();
            }
            self.watch = Watch::new(floor as u64);
            for offset in floor + 1..self.log.len() {
                self.watch
                    .changed(if self.concerns[offset] { "t" } else { "other" }, offset as u64);
            }
        }
        if clients.iter().all(|client| !client.connected) {
            self.runner = None;
        }
    }

    fn heartbeat(&self, client: &mut Client) {
        let behind = self.runner.as_ref().is_some_and(|runner| runner.answers.is_behind());
        if client.connected && !behind {
            client.wire.push_back(Frame::Position(self.head));
        }
    }
}

impl Client {
    fn new() -> Self {
        Self {
            shown: None,
            position: 0,
            connected: false,
            owed: false,
            empty: false,
            since: 0,
            wire: VecDeque::new(),
        }
    }

    fn cut(&mut self) {
        self.connected = false;
        (self.owed, self.empty) = (false, false);
        self.wire.clear();
    }

    fn receive(&mut self) {
        match self.wire.pop_front() {
            Some(Frame::Answer(answer)) => self.shown = Some(answer),
            Some(Frame::Position(position)) => self.position = self.position.max(position),
            None => {}
        }
    }

    /// A page that was rendered now: value and position of one read, which may be ahead of the hub.
    fn load(&mut self, server: &Server) {
        self.cut();
        self.position = server.log.len() - 1;
        self.shown = Some(server.log[self.position]);
    }
}

fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut server =
        Server { log: vec![0], concerns: vec![false], head: 0, watch: Watch::new(0), runner: None };
    let mut clients: Vec<Client> = (0..3).map(|_| Client::new()).collect();
    for _ in 0..random.usize(5..120) {
        let which = random.usize(..clients.len());
        match random.u8(..14) {
            0 | 1 => server.write(&mut random),
            2 | 3 => server.publish(),
            4 | 5 => server.begin(),
            6 | 7 => server.finish(random.u8(..6) > 0, &mut clients),
            8 => clients[which].cut(),
            9 if !clients[which].connected => server.join(&mut clients[which]),
            10 | 11 => clients[which].receive(),
            12 if random.bool() => clients[which].load(&server),
            12 => {
                let floor = random.usize(..server.log.len());
                let restart = random.u8(..4) == 0;
                server.lose_runner(restart, &mut clients, floor);
            }
            _ => server.heartbeat(&mut clients[which]),
        }
    }
    for client in &mut clients {
        if !client.connected {
            server.join(client);
        }
    }
    // Everything that is under way arrives.
    for _ in 0..3 * server.log.len() + 10 {
        server.publish();
        server.begin();
        server.finish(true, &mut clients);
        for client in &mut clients {
            while !client.wire.is_empty() {
                client.receive();
            }
        }
    }
    let truth = server.log[server.log.len() - 1];
    for (number, client) in clients.iter().enumerate() {
        assert_eq!(client.shown, Some(truth), "client {number} of seed {seed}");
    }
}

#[test]
fn spec_sy3_after_any_schedule_every_client_shows_what_the_query_answers() {
    for seed in 0..120_000 {
        run(seed);
    }
}
