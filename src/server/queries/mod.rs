//! Live queries: named questions that are asked again when their tables change, once for everybody who
//! asks the same.
//!
//! `question` is a query without its type → `registry` finds it by its channel → `attach` begins a
//! subscription → `runner` asks for all subscribers of equal parameters, by what `answers` (pure) decides
//! → `watch` tells runners which tables have changed.

mod answers;
mod attach;
mod question;
mod registry;
mod runner;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod watch;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::value::RawValue;
use tokio::sync::Semaphore;

pub use self::question::AnswerQuery;
pub(super) use self::{attach::attach, registry::Registry, watch::Watch};
use self::{registry::Asked, runner::Runner};
use super::{Realtime, identity::Identity, queue::Queue, subscription::Subscription};
use crate::contract::{ChannelName, ErrorCode, Limits, LiveError, Position, channel::ChannelKind};

/// The queries of a server, and those that are running.
pub(super) struct Queries {
    registry: Registry,
    runners: Mutex<HashMap<Key, Arc<Runner>>>,
    /// How many run at the same time.
    turns: Semaphore,
    most_runners: usize,
}

/// Who asks for what is one runner: the query and its parameters as the server writes them, and who asks
/// only where the answer depends on it. Identities that may see the same are equal, so a user with other
/// permissions is another runner, and the same user by another session is not.
type Key = ((&'static str, String), Option<Identity>);

impl Queries {
    pub(super) fn new(registry: Registry, limits: &Limits) -> Self {
        let turns = Semaphore::new(limits.query_concurrency.max(1));
        Self { registry, runners: Mutex::default(), turns, most_runners: limits.query_runners }
    }

    /// Whether a channel's query reads a table that `followed` says is not.
    pub(super) fn has_lost_a_table(
        &self,
        channel: &ChannelName,
        followed: impl Fn(&str) -> bool,
    ) -> bool {
        is_query(channel)
            && self
                .registry
                .find(channel)
                .is_ok_and(|asked| !asked.tables().iter().all(|t| followed(t)))
    }

    /// How many runners there are.
    #[cfg(test)]
    pub(super) fn running(&self) -> usize {
        self.lock().len()
    }

    /// Whether this question runs already, or one more may. Subscribes of one moment may all be told
    /// that there is room; they are few, and the bound need not be exact.
    ///
    /// # Errors
    /// `rate_limited`.
    fn check_room(&self, asked: &Asked, who: &Identity) -> Result<(), LiveError> {
        let most = self.most_runners;
        let runners = self.lock();
        if runners.len() < most || runners.contains_key(&key(asked, who)) {
            return Ok(());
        }
        let message =
            format!("query_runners: the server keeps {most} questions answered at a time");
        let wait = runner::LINGER.as_millis() as u64;
        Err(LiveError::new(ErrorCode::RateLimited, message).retry_after(wait))
    }

    /// Adds a subscriber to the runner of its question, which is started if there is none.
    fn join(
        &self,
        realtime: &Realtime,
        (asked, who): (Asked, Identity),
        (queue, subscription): (&Arc<Queue>, &Arc<Subscription>),
        since: Option<u64>,
    ) {
        let mut runners = self.lock();
        let runner = match runners.entry(key(&asked, &who)) {
            Entry::Occupied(running) => running.get().clone(),
            Entry::Vacant(place) => {
                let channel = subscription.channel().clone();
                let runner = Arc::new(Runner::new(place.key().clone(), channel, asked, who));
                realtime.hub().watch().add(runner.tables(), &runner);
                realtime.tasks().spawn(runner::run(runner.clone(), realtime.clone()));
                place.insert(runner).clone()
            }
        };
        // Only now: what changes after this look tells the runner.
        let quiet = since.is_some_and(|since| realtime.hub().watch().quiet(runner.tables(), since));
        // Under the lock, so that it does not end just now.
        runner.join(queue, subscription, (since, quiet), realtime.hub().counters());
    }

    /// Ends a runner whom nobody listens to; says whether it did.
    fn retire(&self, realtime: &Realtime, runner: &Arc<Runner>) -> bool {
        let mut runners = self.lock();
        if !runner.is_deserted() {
            return false;
        }
        runners.remove(runner.key());
        realtime.hub().watch().remove(runner.tables(), runner);
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Runner>>> {
        self.runners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Realtime {
    /// Answers a live query once, for a page: the answer as a payload of its channel, and the position of
    /// the read. `None` when it cannot be answered here: there is no such query, `who` may not ask it, or
    /// its answer depends on the user and nobody says who that is.
    pub(crate) async fn answer_once(
        &self,
        channel: &ChannelName,
        who: Option<&Identity>,
    ) -> Option<(Position, Box<RawValue>)> {
        let asked = match self.queries().registry.find(channel) {
            Ok(asked) => asked,
            Err(error) => {
                tracing::warn!(%channel, %error, "a page asks a live query");
                return None;
            }
        };
        let nobody = nobody();
        let who = match who {
            Some(who) => who,
            None if asked.per_user() => return None,
            None => &nobody,
        };
        self.check(who, super::Action::Read, channel).await.ok()?;
        let who = if asked.per_user() { who } else { &nobody };
        let outcome = runner::ask(self, channel, &asked, who).await;
        Some((outcome.position?, outcome.payload))
    }
}

/// Whether the channel carries the answers to a query.
pub(super) fn is_query(channel: &ChannelName) -> bool {
    matches!(channel.kind(), ChannelKind::Other { prefix: "query", .. })
}

fn key(asked: &Asked, who: &Identity) -> Key {
    (asked.key(), asked.per_user().then(|| who.clone()))
}

/// Who asks where the answer is the same for everybody.
fn nobody() -> Identity {
    Identity::guest("")
}
