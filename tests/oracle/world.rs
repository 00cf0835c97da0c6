//! A server, its pages and the file between them: applies a schedule's steps.

use std::{sync::Arc, time::Duration};

use tidewire::{Channel, Snapshot, client::Input};
use tokio::{sync::Notify, time::Instant};

use super::{
    client::Client,
    disk::{Disk, Writer},
    item::{Item, Topic},
    model::Truth,
    op::Op,
    paths::{Path, Paths},
    pending::{Load, Write},
    plan::Plan,
    server::{Server, subscribe},
    socket::{Frame, Link},
};

/// Everything that a schedule runs on.
pub struct World<'a> {
    pub(super) disk: &'a mut Disk,
    pub(super) server: Server,
    pub(super) clients: Vec<Client>,
    pub(super) truth: Truth,
    pub(super) loads: Vec<Load>,
    pub(super) writes: Vec<Write>,
    /// Snapshots that have arrived and can be joined with, by page.
    pub(super) hands: Vec<Vec<(Topic, Snapshot<Item>)>>,
    started: Instant,
    pulse: Arc<Notify>,
}

impl<'a> World<'a> {
    pub async fn new(disk: &'a mut Disk, pulse: Arc<Notify>, plan: &Plan) -> Self {
        let truth = Truth::new(disk.database.log().epoch(), plan.limits.clone());
        disk.reset().await;
        disk.write(&truth, Writer::Foreign, &plan.before).await;
        if let Some(keep) = plan.trimmed_before {
            disk.trim(&truth, keep).await;
        }
        let server = Server::start(disk, &truth, &pulse).await;
        let client =
            |n: usize| Client::new(format!("page {n}"), truth.clone(), plan.seed ^ n as u64);
        Self {
            clients: (0..plan.clients).map(client).collect(),
            hands: vec![Vec::new(); plan.clients],
            disk,
            server,
            truth,
            loads: Vec::new(),
            writes: Vec::new(),
            started: Instant::now(),
            pulse,
        }
    }

    /// What was seen, or what was wrong.
    pub fn verdict(&self, when: impl FnOnce() -> String) -> Result<Paths, Vec<String>> {
        let model = self.truth.lock();
        if model.faults.is_empty() {
            return Ok(model.paths.clone());
        }
        Err(model.faults.iter().cloned().chain([when()]).collect())
    }

    pub(super) fn now(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    pub async fn apply(&mut self, op: &Op) {
        let now = self.now();
        match op.clone() {
            Op::Write(writer, edits) => {
                self.disk.write(&self.truth, writer, &edits).await;
                if writer == Writer::Own {
                    self.server.woke();
                }
            }
            Op::WakeTailer => self.server.wake(self.disk),
            Op::Trim { keep } => self.disk.trim(&self.truth, keep).await,
            Op::Message(topic) => {
                let channel = Channel::<u8>::new(topic.name());
                self.server.realtime.send(&channel, &7).expect("a message");
            }
            Op::Load { client, topic } => self.begin_load(client, topic).await,
            Op::Reload { client, list } => {
                if let Some(list) = pick(&mut self.clients[client].lists, list)
                    && list.has_rows()
                {
                    list.wanted_loads += 1;
                    let topic = list.topic;
                    self.begin_load(client, topic).await;
                }
            }
            Op::Arrive(load) => self.arrive(load).await,
            Op::Join { client, snapshot, keep } => {
                let hand = &mut self.hands[client];
                if hand.is_empty() {
                    return;
                }
                let index = snapshot % hand.len();
                let (topic, snapshot) =
                    if keep { hand[index].clone() } else { hand.swap_remove(index) };
                self.clients[client].join(topic, Some(snapshot), now);
            }
            Op::Listen { client, topic } => self.clients[client].join(topic, None, now),
            Op::Leave { client, list } => {
                let client = &mut self.clients[client];
                if !client.lists.is_empty() {
                    client.leave(list % client.lists.len(), now);
                }
            }
            Op::Begin { client, list, edit } => {
                if let Some(list) = pick(&mut self.clients[client].lists, list)
                    && let Some(id) = list.begin(&edit, &self.truth)
                {
                    let list = list.owner;
                    self.writes.push(Write { client, list, id, edit, answer: None });
                }
            }
            Op::Execute(write) => self.execute(write).await,
            Op::Answer { write, lost } => self.answer(write, lost),
            Op::Open { client, room, fails } => self.open(client, room, fails),
            Op::Appear { client, topic } => {
                self.begin_load(client, topic).await;
                self.arrive(self.loads.len() - 1).await;
                if let Some((topic, snapshot)) = self.hands[client].pop() {
                    self.clients[client].join(topic, Some(snapshot), now);
                }
                self.clients[client].up(100, false);
            }
            Op::Exchange(client) => {
                self.open(client, 1_000, false);
                self.clients[client].up(100, false);
                self.server.settle().await;
                self.clients[client].down(100, false, now);
            }
            Op::Up { client, frames, twice } => _ = self.clients[client].up(frames, twice),
            Op::Down { client, frames, twice } => {
                _ = self.clients[client].down(frames, twice, now);
            }
            Op::Cut { client, client_knows, server_knows } => {
                self.clients[client].cut(client_knows, server_knows, now);
            }
            Op::Haunt { client, what } => self.clients[client].haunt(what, now),
            Op::Nudge { client, retry } => {
                let input = if retry { Input::RetryNow } else { Input::Wake };
                self.clients[client].handle(input, now);
            }
            Op::Advance { seconds, reads } => self.advance(seconds, reads).await,
            Op::Crash { reopen, new_life } => self.crash(reopen, new_life).await,
            Op::Drain => {
                self.server.stop().await;
                self.server = Server::start(self.disk, &self.truth, &self.pulse).await;
            }
            Op::Ahead(topic) => self.ahead(topic).await,
        }
    }

    pub(super) fn open(&mut self, client: usize, room: usize, fails: bool) {
        let now = self.now();
        if self.clients[client].is_opening() {
            let who = format!("page {client}'s socket of {now}");
            let link = (!fails).then(|| self.server.accept(who, room));
            self.clients[client].opened(link, self.server.known(), now);
        }
    }

    /// Time passes in steps, as it does for people.
    async fn advance(&mut self, mut seconds: u64, reads: bool) {
        while seconds > 0 {
            self.server.settle().await;
            let step = seconds.min(10);
            seconds -= step;
            self.server.keep_probe();
            let blocked = self.server.blocked();
            tokio::time::advance(Duration::from_secs(step)).await;
            self.server.settle().await;
            if blocked.iter().any(Link::has_ended) {
                self.truth.hit(Path::SlowClosed);
            }
            let now = self.now();
            for client in &mut self.clients {
                if reads {
                    client.down(100, false, now);
                }
                client.tick(now);
            }
        }
    }

    async fn crash(&mut self, reopen: bool, new_life: bool) {
        self.truth.hit(Path::Crash);
        self.server.crash().await;
        if reopen || new_life {
            self.truth.hit(Path::CrashReopened);
            // Requests die with their server; the pages ask again.
            for load in self.loads.drain(..) {
                let lists = &mut self.clients[load.client].lists;
                let list = lists.iter_mut().find(|list| Some(list.owner) == load.list);
                list.into_iter().for_each(|list| list.loading -= 1);
            }
            self.disk.reopen(new_life).await;
            self.truth.lock().epoch = self.disk.database.log().epoch();
        }
        self.server = Server::start(self.disk, &self.truth, &self.pulse).await;
    }

    /// Somebody who was told more than the log knows.
    async fn ahead(&mut self, topic: Topic) {
        let mut since = self.truth.lock().position();
        since.offset += 1 + u64::from(since.offset.is_multiple_of(3)) * 1_000;
        let link = self.server.accept("the one ahead".into(), 1_000);
        link.send(subscribe(topic, Some(since)));
        self.server.settle().await;
        let told = matches!(link.receive(), Some(Frame::Text(text)) if text.contains("\"ahead\""));
        self.truth.lock().check(told, || "nobody told the one ahead".into());
        link.hang_up();
        self.server.settle().await;
    }
}

pub(super) fn pick<T>(from: &mut [T], index: usize) -> Option<&mut T> {
    let len = from.len();
    from.get_mut(index % len.max(1))
}
