//! A change log in memory, with the accidents that a database can have.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::{Notify, oneshot};

use crate::server::log::{ChangeLog, Entry, LogError, PUBLIC, TableRef};

/// More reads than any schedule needs: somebody asks for ever.
const ENOUGH_READS: u64 = 20_000;

/// A change log in memory.
pub struct MemoryLog {
    state: Mutex<State>,
    changed: Notify,
    /// Counts everything that is asked of the log.
    activity: Arc<AtomicU64>,
}

struct State {
    epoch: u64,
    entries: VecDeque<Entry>,
    head: u64,
    floor: u64,
    tables: BTreeSet<String>,
    now_ms: u64,
    failures: u32,
    slow: Option<Slow>,
    waiting: VecDeque<oneshot::Sender<()>>,
    reads: u64,
    paths: LogPaths,
}

/// What becomes of a read.
enum Begun<R> {
    Now(R),
    Later(Option<R>, oneshot::Receiver<()>),
    Never,
}

/// At which moment a slow answer is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slow {
    /// When it was asked for.
    Early,
    /// When it arrives.
    Late,
}

/// What has happened to the log's readers, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPaths {
    /// Answers that were errors.
    pub failed: u64,
    /// Answers that came late.
    pub slow: u64,
    /// Entries that the server itself has trimmed.
    pub trimmed: u64,
}

impl MemoryLog {
    /// An empty log. `activity` is counted up whenever something is asked.
    pub fn new(epoch: u64, activity: Arc<AtomicU64>) -> Self {
        let state = State {
            epoch,
            entries: VecDeque::new(),
            head: 0,
            floor: 0,
            tables: BTreeSet::new(),
            now_ms: 0,
            failures: 0,
            slow: None,
            waiting: VecDeque::new(),
            reads: 0,
            paths: LogPaths::default(),
        };
        Self { state: Mutex::new(state), changed: Notify::new(), activity }
    }

    /// Appends an entry under the next offset, which is returned.
    pub fn append(&self, mut entry: Entry) -> u64 {
        let mut state = self.lock();
        state.head += 1;
        entry.offset = state.head;
        entry.at_ms = state.now_ms as i64;
        state.entries.push_back(entry);
        state.head
    }

    /// The newest entry can no longer be read.
    pub fn damage(&self) {
        if let Some(entry) = self.lock().entries.back_mut() {
            (entry.record, entry.old_record, entry.unreadable) = (None, None, true);
        }
    }

    /// A backup was restored: what came after `head` is gone, and the log begins a new life.
    pub fn restore(&self, head: u64, epoch: u64) {
        let mut state = self.lock();
        state.entries.retain(|entry| entry.offset <= head);
        (state.head, state.epoch) = (head, epoch);
        state.floor = state.floor.min(head);
    }

    /// The next reads fail.
    pub fn fail(&self, reads: u32) {
        self.lock().failures = reads;
    }

    /// From now on reads wait until [`Self::answer`], or (`None`) no longer.
    pub fn slow_down(&self, slow: Option<Slow>) {
        self.lock().slow = slow;
    }

    /// Lets one read that waits arrive; says whether there was one.
    pub fn answer(&self, which: usize) -> bool {
        let mut state = self.lock();
        state.waiting.retain(|read| !read.is_closed());
        let count = state.waiting.len();
        let read = state.waiting.remove(which % count.max(1));
        read.is_some_and(|read| read.send(()).is_ok())
    }

    /// No accidents any more, and whatever waits arrives.
    pub fn calm(&self) {
        let mut state = self.lock();
        (state.failures, state.slow) = (0, None);
        state.waiting.drain(..).for_each(|read| _ = read.send(()));
    }

    /// The log's clock, in milliseconds.
    pub fn set_time(&self, now_ms: u64) {
        self.lock().now_ms = now_ms;
    }

    /// The offset of the newest entry that was trimmed.
    pub fn trimmed_to(&self) -> u64 {
        self.lock().floor
    }

    /// What has happened to readers.
    pub fn paths(&self) -> LogPaths {
        self.lock().paths
    }

    /// Whether somebody reads for ever.
    pub fn is_hammered(&self) -> bool {
        self.lock().reads > ENOUGH_READS
    }

    /// Removes all but the newest entries. Returns how many went.
    pub fn keep(&self, newest: u64) -> u64 {
        let mut state = self.lock();
        let floor = state.head.saturating_sub(newest);
        state.trim(floor)
    }

    async fn ask<R>(&self, read: impl Fn(&State) -> R) -> Result<R, LogError> {
        self.activity.fetch_add(1, Ordering::Relaxed);
        let (early, arrival) = match self.begin(&read)? {
            Begun::Now(answer) => return Ok(answer),
            Begun::Later(early, arrival) => (early, arrival),
            // Whoever asks without end must not keep the schedule from being judged.
            Begun::Never => return std::future::pending().await,
        };
        _ = arrival.await;
        self.activity.fetch_add(1, Ordering::Relaxed);
        Ok(early.unwrap_or_else(|| read(&self.lock())))
    }

    fn begin<R>(&self, read: impl Fn(&State) -> R) -> Result<Begun<R>, LogError> {
        let mut state = self.lock();
        state.reads += 1;
        if state.reads > ENOUGH_READS {
            return Ok(Begun::Never);
        }
        if state.failures > 0 {
            state.failures -= 1;
            state.paths.failed += 1;
            return Err(LogError::Sql(sqlx::Error::WorkerCrashed));
        }
        let Some(slow) = state.slow else { return Ok(Begun::Now(read(&state))) };
        state.paths.slow += 1;
        let (sender, arrival) = oneshot::channel();
        state.waiting.push_back(sender);
        Ok(Begun::Later((slow == Slow::Early).then(|| read(&state)), arrival))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn trim(&mut self, floor: u64) -> u64 {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.offset > floor);
        self.floor = self.floor.max(floor);
        (before - self.entries.len()) as u64
    }
}

#[async_trait]
impl ChangeLog for MemoryLog {
    fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    async fn head(&self) -> Result<u64, LogError> {
        self.ask(|state| state.head).await
    }

    async fn floor(&self) -> Result<u64, LogError> {
        self.ask(|state| state.floor).await
    }

    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, LogError> {
        self.ask(|state| {
            let start = state.entries.partition_point(|entry| entry.offset <= after);
            state.entries.range(start..).take(limit).cloned().collect()
        })
        .await
    }

    async fn trim(&self, older_than: Duration, keep_at_most: u64) -> Result<u64, LogError> {
        let mut state = self.lock();
        let oldest = state.now_ms as i64 - i64::try_from(older_than.as_millis()).unwrap_or(0);
        let old = state.entries.iter().take_while(|entry| entry.at_ms < oldest).last();
        let too_old = old.map_or(0, |entry| entry.offset);
        let floor = too_old.max(state.head.saturating_sub(keep_at_most));
        let gone = state.trim(floor);
        state.paths.trimmed += gone;
        Ok(gone)
    }

    async fn enable(&self, _: &str, table: &str) -> Result<(), LogError> {
        self.lock().tables.insert(table.into());
        Ok(())
    }

    async fn disable(&self, _: &str, table: &str) -> Result<(), LogError> {
        self.lock().tables.remove(table);
        Ok(())
    }

    async fn tables(&self) -> Result<Vec<TableRef>, LogError> {
        let names = self.lock().tables.clone();
        Ok(names.into_iter().map(|name| TableRef { schema: PUBLIC.into(), name }).collect())
    }

    async fn changed(&self) {
        self.changed.notified().await;
        self.activity.fetch_add(1, Ordering::Relaxed);
    }

    fn wake(&self) {
        self.changed.notify_one();
    }
}
