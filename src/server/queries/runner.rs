//! One question with its parameters, asked for all who listen to its channel.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use serde_json::value::{RawValue, to_raw_value};
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

use super::{
    Key, Realtime,
    answers::{Answers, Greeting},
    registry::Asked,
};
use crate::{
    contract::{ChannelName, Position, Refusal, query::Answered},
    server::{event::Event, identity::Identity, queue::Queue, subscription::Subscription},
};

/// How often a runner looks whether anybody still listens; found alone twice in a row, it ends.
const LINGER: Duration = Duration::from_secs(5);
/// How long to wait after the database could not be read.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A question that is kept answered.
pub struct Runner {
    key: Key,
    asked: Asked,
    who: Identity,
    state: Mutex<State>,
    wake: Notify,
    /// Whether an answer is still to come, for the heartbeats of who listens.
    behind: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    answers: Answers,
    event: Option<Arc<Event>>,
    listeners: Vec<Listener>,
}

struct Listener {
    queue: Arc<Queue>,
    subscription: Arc<Subscription>,
    /// Gets the next answer even if it is equal to the one before.
    owed: bool,
}

/// An answer, or why there is none.
pub(super) struct Outcome {
    /// The payload for subscribers.
    pub(super) payload: Box<RawValue>,
    /// Where the log stood for the read; `None` when the database could not be read.
    pub(super) position: Option<Position>,
}

impl Runner {
    pub(super) fn new(key: Key, asked: Asked, who: Identity) -> Self {
        let (state, wake, behind) = (Mutex::default(), Notify::new(), Arc::default());
        Self { key, asked, who, state, wake, behind }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn tables(&self) -> &'static [&'static str] {
        self.asked.tables()
    }

    /// One of its tables has changed.
    pub(super) fn changed(&self) {
        let mut state = self.lock();
        state.answers.changed();
        self.settle(state);
    }

    /// Adds a subscriber whose `ack` is queued already.
    pub(super) fn join(
        &self,
        queue: &Arc<Queue>,
        subscription: &Arc<Subscription>,
        since: Option<u64>,
        quiet: bool,
    ) {
        subscription.wait_for(self.behind.clone());
        let mut state = self.lock();
        let greeting = state.answers.greet(since, quiet);
        let owed = greeting == Greeting::Next;
        if let Some(event) = state.event.as_ref().filter(|_| !owed) {
            queue.push(subscription, event);
        }
        let (queue, subscription) = (queue.clone(), subscription.clone());
        state.listeners.push(Listener { queue, subscription, owed });
        self.settle(state);
    }

    /// Whether nobody listens any more.
    pub(super) fn is_deserted(&self) -> bool {
        let mut state = self.lock();
        state.prune();
        state.listeners.is_empty()
    }

    /// Begins to ask if it has to and anybody listens.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        state.prune();
        let begins = state.answers.is_wanted() && !state.listeners.is_empty();
        if begins {
            state.answers.begin();
        }
        begins
    }

    /// Whether to ask, and if so whether at once.
    fn wanted(&self) -> Option<bool> {
        let state = self.lock();
        state.answers.is_wanted().then(|| state.answers.is_urgent())
    }

    /// Hands an answer to everybody to whom it is news. Never waits for a subscriber.
    fn finish(&self, payload: Box<RawValue>, read_at: u64) {
        let mut state = self.lock();
        let news = state.answers.finish(payload.get(), read_at);
        let event = match state.event.take().filter(|_| !news) {
            Some(event) => event,
            None => Arc::new(Event::latest(self.key.0.clone(), "", payload)),
        };
        state.event = Some(event.clone());
        for listener in &mut state.listeners {
            if std::mem::take(&mut listener.owed) || news {
                listener.queue.push(&listener.subscription, &event);
            }
        }
        self.settle(state);
    }

    fn settle(&self, state: MutexGuard<'_, State>) {
        self.behind.store(state.answers.is_behind(), Ordering::Release);
        let wanted = state.answers.is_wanted();
        drop(state);
        if wanted {
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn prune(&mut self) {
        self.listeners.retain(|listener| !listener.subscription.has_ended());
    }
}

/// Keeps the question answered until nobody has listened for some seconds, or the server stops.
pub(super) async fn run(runner: Arc<Runner>, realtime: Realtime) {
    tokio::select! {
        () = realtime.stopping() => {}
        () = keep_answered(&runner, &realtime) => {}
    }
}

async fn keep_answered(runner: &Arc<Runner>, realtime: &Realtime) {
    let mut look = interval_at(Instant::now() + LINGER, LINGER);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut alone = false;
    loop {
        tokio::select! {
            () = runner.wake.notified() => {}
            _ = look.tick() => {
                let deserted = runner.is_deserted();
                if deserted && alone && realtime.queries().retire(realtime, runner) {
                    return;
                }
                alone = deserted;
            }
        }
        // A runner whom nobody listens to leaves the question open until somebody comes.
        if runner.is_deserted() {
            continue;
        }
        match runner.wanted() {
            None => continue,
            Some(true) => {}
            Some(false) => sleep(realtime.limits().query_debounce).await,
        }
        let turn = realtime.queries().turns.acquire().await;
        if !runner.begin() {
            continue;
        }
        let outcome = ask(realtime, &runner.key.0, &runner.asked, &runner.who).await;
        drop(turn);
        // Without a read the answer is as old as the log: whoever comes is told by the next.
        let read_at = outcome.position.map_or(0, |position| position.offset);
        let failed = outcome.position.is_none();
        runner.finish(outcome.payload, read_at);
        if failed {
            sleep(RETRY_AFTER).await;
            runner.changed();
        }
    }
}

/// Asks once. A fault of the application's code is a refusal, with a line in the log.
pub(super) async fn ask(
    realtime: &Realtime,
    channel: &ChannelName,
    asked: &Asked,
    who: &Identity,
) -> Outcome {
    let mut tx = match realtime.database().read().await {
        Ok(tx) => tx,
        Err(error) => return Outcome { payload: refused(error.into()), position: None },
    };
    let position = Some(tx.position());
    let answer = AssertUnwindSafe(asked.question.answer(&mut tx, who)).catch_unwind().await;
    let payload = match answer {
        Ok(Ok(payload)) => {
            let most = realtime.limits().query_bytes;
            if payload.get().len() <= most {
                return Outcome { payload, position };
            }
            tracing::error!(%channel, bytes = payload.get().len(), most, "a live query's answer is too large");
            refused(failed("The answer is too large."))
        }
        Ok(Err(refusal)) => {
            if let Refusal::Failed { message } = &refusal {
                tracing::error!(%channel, message, "a live query failed");
            }
            refused(refusal)
        }
        Err(_) => {
            tracing::error!(%channel, "a live query panicked");
            refused(failed("The server failed over this question."))
        }
    };
    Outcome { payload, position }
}

fn failed(message: &str) -> Refusal {
    Refusal::Failed { message: message.into() }
}

fn refused(refusal: Refusal) -> Box<RawValue> {
    to_raw_value(&Answered::<()>::Refused(refusal)).expect("a refusal is plain data")
}
