//! One question with its parameters, asked for all who listen to its channel.

use std::{
    collections::HashMap,
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
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};

use super::{
    Key, Realtime,
    answers::{Answers, Greeting},
    registry::Asked,
};
use crate::{
    contract::{ChannelName, Delivery, Position, Refusal, query::Answered},
    server::{
        counters::Counters,
        event::Event,
        identity::Identity,
        queue::{Pushed, Queue},
        subscription::Subscription,
    },
};

/// How often a runner looks whether anybody still listens; found alone twice in a row, it ends.
pub(super) const LINGER: Duration = Duration::from_secs(5);
/// How long to wait after the database could not be read.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A question that is kept answered.
pub struct Runner {
    key: Key,
    /// The name by which it was asked first; others may spell the same parameters differently.
    channel: ChannelName,
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
    /// The newest answer, on the runner's channel.
    event: Option<Arc<Event>>,
    listeners: Vec<Listener>,
}

struct Listener {
    queue: Arc<Queue>,
    subscription: Arc<Subscription>,
    /// Gets the next answer even if it is equal to the one before.
    owed: bool,
    /// Has nothing to show, and was not told why.
    empty: bool,
    /// What it shows covers every change up to here.
    since: u64,
}

/// An answer, or why there is none.
pub(super) struct Outcome {
    /// The payload for subscribers.
    pub(super) payload: Box<RawValue>,
    /// Where the log stood for the read; `None` when the database could not be read.
    pub(super) position: Option<Position>,
}

impl Runner {
    pub(super) fn new(key: Key, channel: ChannelName, asked: Asked, who: Identity) -> Self {
        let (state, wake, behind) = (Mutex::default(), Notify::new(), Arc::default());
        Self { key, channel, asked, who, state, wake, behind }
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
        (since, quiet): (Option<u64>, bool),
        counters: &Counters,
    ) {
        subscription.wait_for(self.behind.clone());
        let mut state = self.lock();
        let greeting = state.answers.greet(since, quiet);
        let owed = greeting == Greeting::Next;
        if let Some(event) = state.event.as_ref().filter(|_| !owed) {
            let pushed = queue.push(subscription, &named(event, subscription.channel()));
            count(counters, [pushed]);
        }
        let (queue, subscription) = (queue.clone(), subscription.clone());
        let empty = owed && since.is_none();
        let since = since.unwrap_or(0);
        state.listeners.push(Listener { queue, subscription, owed, empty, since });
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
    fn finish(&self, outcome: Outcome, counters: &Counters) {
        let Outcome { payload, position } = outcome;
        let mut state = self.lock();
        let Some(position) = position else {
            state.answers.fail();
            let event = Arc::new(Event::latest(self.channel.clone(), "", payload));
            let told = state
                .listeners
                .iter_mut()
                .filter_map(|listener| std::mem::take(&mut listener.empty).then_some(&*listener));
            let told = told.map(|Listener { queue, subscription, .. }| {
                queue.push(subscription, &named(&event, subscription.channel()))
            });
            count(counters, told);
            return self.settle(state);
        };
        let news = state.answers.finish(payload.get(), position.offset);
        let event = match state.event.take().filter(|_| !news) {
            Some(event) => event,
            None => Arc::new(Event::latest(self.channel.clone(), "", payload)),
        };
        state.event = Some(event.clone());
        // Most listen by one name, and share one encoding.
        let mut others: HashMap<ChannelName, Arc<Event>> = HashMap::new();
        let told = state.listeners.iter_mut().filter_map(|listener| {
            // A reading that was under way when it came knows less than it does.
            if listener.since > position.offset {
                listener.owed = true;
                return None;
            }
            listener.empty = false;
            if !std::mem::take(&mut listener.owed) && !news {
                return None;
            }
            let name = listener.subscription.channel();
            let event = if *name == self.channel {
                &event
            } else {
                others.entry(name.clone()).or_insert_with(|| named(&event, name))
            };
            Some(listener.queue.push(&listener.subscription, event))
        });
        count(counters, told);
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
        let outcome = ask(realtime, &runner.channel, &runner.asked, &runner.who).await;
        drop(turn);
        // An answer must not overtake what takes access away from who would get it.
        if let Some(position) = outcome.position {
            realtime.hub().reached(position.offset).await;
        }
        let failed = outcome.position.is_none();
        runner.finish(outcome, realtime.hub().counters());
        if failed {
            // It is wanted still, but the database may need a moment.
            sleep(RETRY_AFTER).await;
        }
    }
}

/// The same answer as those see it who listen by another name.
fn named(event: &Arc<Event>, channel: &ChannelName) -> Arc<Event> {
    if event.channel() == channel {
        return event.clone();
    }
    let (_, payload) = event.payload();
    Arc::new(Event::latest(channel.clone(), "", payload))
}

fn count(counters: &Counters, pushed: impl IntoIterator<Item = Pushed>) {
    let (mut queued, mut conflated) = (0, 0);
    for pushed in pushed {
        queued += usize::from(pushed == Pushed::Queued);
        conflated += usize::from(pushed == Pushed::Conflated);
    }
    counters.handed_out(Delivery::Latest, queued + conflated, conflated);
}

/// Asks once. A fault of the application's code is a refusal, with a line in the log; so is an answer that
/// takes too long, of which then nothing is kept.
pub(super) async fn ask(
    realtime: &Realtime,
    channel: &ChannelName,
    asked: &Asked,
    who: &Identity,
) -> Outcome {
    let tx = async { realtime.any_database()?.read().await };
    let mut tx = match tx.await {
        Ok(tx) => tx,
        Err(error) => return Outcome { payload: refused(error.into()), position: None },
    };
    let position = Some(tx.position());
    let patience = realtime.limits().query_timeout;
    let answer = AssertUnwindSafe(asked.question.answer(&mut tx, who)).catch_unwind();
    let payload = match timeout(patience, answer).await {
        Err(_) => {
            tracing::error!(%channel, ?patience, "a live query took too long");
            refused(failed("The answer took too long."))
        }
        Ok(Ok(Ok(payload))) => {
            let most = realtime.limits().query_bytes;
            if payload.get().len() <= most {
                return Outcome { payload, position };
            }
            tracing::error!(%channel, bytes = payload.get().len(), most, "a live query's answer is too large");
            refused(failed("The answer is too large."))
        }
        Ok(Ok(Err(refusal))) => {
            if let Refusal::Failed { message } = &refusal {
                tracing::error!(%channel, message, "a live query failed");
            }
            refused(refusal)
        }
        Ok(Err(_)) => {
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
