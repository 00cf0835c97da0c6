//! A server, its pages and the log between them: applies a schedule's steps.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use super::{
    kind::{Kind, Topic},
    list::List,
    log::MemoryLog,
    model::Truth,
    op::Op,
    page::Page,
    paths::{Path, Paths},
    pending::{Load, Write},
    plan::Plan,
    server::Server,
    socket::{Frame, Link},
};
use crate::{
    Channel,
    client::Input,
    contract::{ClientFrame, Live, Position, Snapshot},
    server::log::ChangeLog,
};

/// Everything that a schedule runs on.
pub struct World<T: Live> {
    pub(super) server: Server<T>,
    pub(super) pages: Vec<Page<T>>,
    pub(super) truth: Truth<T>,
    pub(super) log: Arc<MemoryLog>,
    pub(super) loads: Vec<Load<T>>,
    pub(super) writes: Vec<Write<T>>,
    /// Snapshots that have arrived and can be joined with, by page.
    pub(super) hands: Vec<Vec<(Topic, Snapshot<T>)>>,
    /// Milliseconds since the beginning.
    pub(super) now: u64,
    activity: Arc<AtomicU64>,
    topics: usize,
    messages: u64,
}

impl<T: Live> World<T> {
    pub fn new(kind: Arc<Kind<T>>, plan: &Plan) -> Self {
        let activity = Arc::new(AtomicU64::new(0));
        let epoch = plan.seed | 1 << 60;
        let log = Arc::new(MemoryLog::new(epoch, activity.clone()));
        let topics = kind.topics().len();
        let truth = Truth::new(kind, log.clone(), epoch, plan.limits.clone());
        truth.lock().write(&plan.before, false);
        plan.trimmed_before.into_iter().for_each(|keep| _ = log.keep(keep));
        let server = Server::start(&truth, &activity);
        let page = |n: usize| Page::new(format!("page {n}"), truth.clone(), plan.seed ^ n as u64);
        Self {
            pages: (0..plan.pages).map(page).collect(),
            hands: (0..plan.pages).map(|_| Vec::new()).collect(),
            server,
            truth,
            log,
            loads: Vec::new(),
            writes: Vec::new(),
            now: 0,
            activity,
            topics,
            messages: 0,
        }
    }

    /// What was seen and the sum of what was said, or what was wrong.
    pub fn verdict(&self, when: impl FnOnce() -> String) -> Result<(Paths, u64), Vec<String>> {
        let model = self.truth.lock();
        if !model.faults.is_empty() {
            return Err(model.faults.iter().cloned().chain([when()]).collect());
        }
        let mut paths = model.paths.clone();
        let log = self.log.paths();
        paths.add(Path::ReadFailed, log.failed);
        paths.add(Path::ReadSlow, log.slow);
        paths.add(Path::TrimmedByServer, log.trimmed);
        Ok((paths, model.trace))
    }

    fn topic(&self, number: usize) -> Topic {
        Topic(number % self.topics)
    }

    pub fn apply(&mut self, op: &Op) {
        let now = self.now;
        match op.clone() {
            Op::Write { wakes, damaged, edits } => {
                let mut model = self.truth.lock();
                model.write(&edits, damaged);
                model.paths.hit(if wakes { Path::OwnWrite } else { Path::ForeignWrite });
                drop(model);
                if wakes {
                    self.log.wake();
                }
            }
            Op::WakeTailer => self.log.wake(),
            Op::Trim { keep } => {
                self.log.keep(keep);
                self.truth.hit(Path::Trimmed);
            }
            Op::Message { topic } => self.message(self.topic(topic)),
            Op::FailReads(reads) => {
                self.truth.lock().excused = true;
                self.log.fail(reads);
            }
            Op::SlowReads(slow) => self.log.slow_down(slow),
            Op::AnswerRead(which) => _ = self.log.answer(which),
            Op::Load { page, topic } => self.begin_load(page, self.topic(topic)),
            Op::Reload { page, list } => {
                if let Some(list) = pick(&mut self.pages[page].lists, list)
                    && list.has_rows()
                {
                    list.wanted_loads += 1;
                    let topic = list.topic;
                    self.begin_load(page, topic);
                }
            }
            Op::Arrive(load) => self.arrive(load),
            Op::Join { page, snapshot, keep } => {
                let hand = &mut self.hands[page];
                if hand.is_empty() {
                    return;
                }
                let index = snapshot % hand.len();
                let (topic, snapshot) =
                    if keep { hand[index].clone() } else { hand.swap_remove(index) };
                self.pages[page].join(topic, Some(snapshot), now);
            }
            Op::Listen { page, topic } => {
                let topic = self.topic(topic);
                self.pages[page].join(topic, None, now);
            }
            Op::Leave { page, list } => {
                let page = &mut self.pages[page];
                if !page.lists.is_empty() {
                    page.leave(list % page.lists.len(), now);
                }
            }
            Op::Begin { page, list, edit } => self.begin_write(page, list, edit),
            Op::Execute(write) => self.execute(write),
            Op::Answer { write, lost } => self.answer(write, lost),
            Op::Open { page, room, fails } => self.open(page, room, fails),
            Op::Appear { page, topic } => {
                self.begin_load(page, self.topic(topic));
                self.arrive(self.loads.len() - 1);
                if let Some((topic, snapshot)) = self.hands[page].pop() {
                    self.pages[page].join(topic, Some(snapshot), now);
                }
                self.pages[page].up(100, false);
            }
            Op::Exchange(page) => {
                self.open(page, 1_000, false);
                self.pages[page].up(100, false);
                self.server.settle();
                self.pages[page].down(100, false, now);
            }
            Op::Up { page, frames, twice } => _ = self.pages[page].up(frames, twice),
            Op::Down { page, frames, twice } => _ = self.pages[page].down(frames, twice, now),
            Op::Cut { page, client_knows, server_knows } => {
                self.pages[page].cut(client_knows, server_knows, now);
            }
            Op::Haunt { page, what } => self.pages[page].haunt(what, now),
            Op::Retry(page) => self.pages[page].handle(Input::RetryNow, now),
            Op::Hide(page) => {
                self.truth.hit(Path::Hidden);
                self.pages[page].hidden = true;
            }
            Op::Sleep { page, seconds, check } => {
                self.truth.hit(Path::Slept);
                self.pages[page].asleep_until = now + seconds * 1_000;
                self.advance(seconds, true);
                if check {
                    self.pages[page].wake(self.now);
                }
            }
            Op::Wake(page) => {
                self.truth.hit(Path::Woken);
                self.pages[page].wake(now);
            }
            Op::Advance { seconds, reads } => self.advance(seconds, reads),
            Op::Crash { requests_die } => self.crash(requests_die, None),
            Op::Restore { lost } => self.crash(true, Some(lost)),
            Op::Stop => self.stop(),
            Op::Ahead { topic } => self.ahead(self.topic(topic)),
        }
    }

    fn message(&mut self, topic: Topic) {
        self.messages += 1;
        let name = self.truth.lock().kind.name(topic).clone();
        let channel = Channel::<u64>::new(name);
        self.server.realtime.send(&channel, &self.messages).expect("a number is JSON");
    }

    pub(super) fn open(&mut self, page: usize, room: usize, fails: bool) {
        let now = self.now;
        if self.pages[page].is_opening() {
            let who = format!("page {page}'s socket of {now} ms");
            let link = (!fails).then(|| self.server.accept(who, room));
            self.pages[page].opened(link, self.server.known(), now);
        }
    }

    /// Time passes in steps, as it does for people.
    pub(super) fn advance(&mut self, mut seconds: u64, reads: bool) {
        while seconds > 0 {
            self.server.settle();
            let step = seconds.min(10);
            seconds -= step;
            let blocked = self.server.blocked();
            self.now += step * 1_000;
            self.log.set_time(self.now);
            self.server.advance(Duration::from_secs(step));
            if blocked.iter().any(Link::has_ended) {
                self.truth.hit(Path::SlowClosed);
            }
            let now = self.now;
            for page in &mut self.pages {
                if reads && page.asleep_until <= now {
                    page.down(100, false, now);
                }
                page.tick(now);
            }
        }
    }

    fn crash(&mut self, requests_die: bool, restore: Option<usize>) {
        let unread = self.server.known() < self.truth.lock().head();
        self.truth.hit(Path::Crash);
        if unread {
            self.truth.hit(Path::CrashBeforeReading);
        }
        if requests_die {
            for load in self.loads.drain(..) {
                let lists = &mut self.pages[load.page].lists;
                let list = lists.iter_mut().find(|list| Some(list.owner) == load.list);
                list.into_iter().for_each(|list| list.loading -= 1);
            }
        }
        self.server.kill();
        if let Some(lost) = restore {
            self.truth.lock().restore(lost);
        }
        self.server = Server::start(&self.truth, &self.activity);
    }

    fn stop(&mut self) {
        let blocked = !self.server.blocked().is_empty();
        self.truth.hit(if blocked { Path::StoppedWhileBlocked } else { Path::Stopped });
        // A database that never answers may hold up the tailer for longer than a stop waits.
        self.log.calm();
        self.now += self.server.stop().as_millis() as u64;
        self.log.set_time(self.now);
        self.server = Server::start(&self.truth, &self.activity);
    }

    /// Somebody who was told more than the log knows.
    fn ahead(&mut self, topic: Topic) {
        self.log.calm();
        let Position { epoch, offset } = self.truth.lock().position();
        let since = Position::new(epoch, offset + 1 + offset % 3 * 1_000);
        let link = self.server.accept("the one ahead".into(), 1_000);
        let channel = self.truth.lock().kind.name(topic).to_string();
        let frame = ClientFrame::Subscribe {
            channel,
            since: Some(since.to_string()),
            presence: None,
            reference: Some(0),
        };
        link.send(serde_json::to_string(&frame).expect("a frame is JSON"));
        self.server.settle();
        let told = matches!(link.receive(), Some(Frame::Text(text)) if text.contains("\"ahead\""));
        self.truth.lock().check(told, || "nobody told the one ahead".into());
        link.hang_up();
        self.server.settle();
    }
}

pub(super) fn pick<T>(from: &mut [T], index: usize) -> Option<&mut T> {
    let len = from.len();
    from.get_mut(index % len.max(1))
}

/// At the end.
impl<T: Live> World<T> {
    /// The lists of all pages.
    pub(super) fn lists(&self) -> impl Iterator<Item = &List<T>> {
        self.pages.iter().flat_map(|page| &page.lists)
    }
}
