//! Connections by whom they belong to, so that they can be ended when something is taken away.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    identity::{Identity, Kind},
    lease::Lease,
    queue::Queue,
    revocation::Revoked,
};

/// How many revocations are remembered for those who were on their way in.
const RECENT: usize = 1_024;

/// The open connections of this process, and the newest revocations. The hub tells it of each revocation
/// at its place in the log, under the hub's own lock; under the lock in here only queues are locked.
pub struct Connections {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    users: Index,
    credentials: Index,
    /// The newest revocations with their offsets; without anybody, where nobody knows whom it concerned.
    recent: VecDeque<(u64, Option<Revoked>)>,
    /// Revocations up to here are forgotten.
    forgotten: u64,
}

type Index = HashMap<Arc<str>, Vec<Arc<Seat>>>;

/// One connection.
pub struct Seat {
    who: Identity,
    queue: Arc<Queue>,
    lease: Arc<Lease>,
}

impl Seat {
    /// The connection of `who`, with its queue, for as long as the lease holds.
    pub fn new(who: &Identity, queue: &Arc<Queue>, lease: &Arc<Lease>) -> Arc<Self> {
        Arc::new(Self { who: who.clone(), queue: queue.clone(), lease: lease.clone() })
    }

    /// Nothing is sent any more, not even what waits, and the session ends.
    fn cut(&self) {
        self.queue.revoke();
        self.lease.cut();
    }
}

impl Connections {
    /// Those of a hub that begins here: of what was revoked before, it knows nothing.
    pub fn new(head: u64) -> Self {
        Self { state: Mutex::new(State { forgotten: head, ..State::default() }) }
    }

    /// Takes a connection in whose identity was asked for when the hub had handed out everything up to
    /// `since`. If it has been revoked meanwhile, it is cut, now as later.
    pub fn add(&self, seat: &Arc<Seat>, since: u64) {
        let mut state = self.lock();
        if state.concern_since(since, &seat.who) {
            drop(state);
            return seat.cut();
        }
        state.users.entry(seat.who.id().clone()).or_default().push(seat.clone());
        if let Some(credential) = seat.who.credential() {
            state.credentials.entry(credential.clone()).or_default().push(seat.clone());
        }
    }

    /// Whether a revocation after `since` concerns them, or may have done so.
    pub fn has_lost(&self, who: &Identity, since: u64) -> bool {
        self.lock().concern_since(since, who)
    }

    /// The connection is gone, or somebody else's now.
    pub fn remove(&self, seat: &Seat) {
        let mut state = self.lock();
        forget(&mut state.users, seat.who.id(), seat);
        if let Some(credential) = seat.who.credential() {
            forget(&mut state.credentials, credential, seat);
        }
    }

    /// Cuts the connections that the revocation at this offset concerns; `None` concerns everybody who is
    /// not just a guest, because nobody knows whom it concerned.
    pub fn revoke(&self, offset: u64, whose: Option<Revoked>) {
        let mut state = self.lock();
        let seats: Vec<&Arc<Seat>> = match &whose {
            Some(Revoked::User(id)) => state.users.get(&**id).into_iter().flatten().collect(),
            Some(Revoked::Credential(id)) => {
                state.credentials.get(&**id).into_iter().flatten().collect()
            }
            None => {
                let everybody = state.users.values().flatten();
                everybody.filter(|seat| is_somebody(&seat.who)).collect()
            }
        };
        seats.iter().for_each(|seat| seat.cut());
        let connections = seats.len();
        if whose.is_some() {
            tracing::debug!(offset, connections, "access was taken away");
        } else {
            tracing::warn!(
                offset,
                connections,
                "a revocation was lost: everybody but guests has to come back"
            );
        }
        state.recent.push_back((offset, whose));
        if state.recent.len() > RECENT
            && let Some((oldest, _)) = state.recent.pop_front()
        {
            state.forgotten = oldest;
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().users.values().map(Vec::len).sum()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a revocation after `since` concerns them, or may have done so.
    fn concern_since(&self, since: u64, who: &Identity) -> bool {
        let later = self.recent.iter().rev().take_while(|(offset, _)| *offset > since);
        since < self.forgotten || later.into_iter().any(|(_, whose)| concerns(whose.as_ref(), who))
    }
}

fn concerns(whose: Option<&Revoked>, who: &Identity) -> bool {
    match whose {
        Some(Revoked::User(id)) => **who.id() == **id,
        Some(Revoked::Credential(id)) => who.credential().is_some_and(|own| **own == **id),
        None => is_somebody(who),
    }
}

/// Whether they have anything that could be taken away.
fn is_somebody(who: &Identity) -> bool {
    who.kind() != Kind::Guest || who.credential().is_some()
}

fn forget(index: &mut Index, key: &Arc<str>, seat: &Seat) {
    let Some(seats) = index.get_mut(key) else { return };
    seats.retain(|other| !std::ptr::eq(&**other, seat));
    if seats.is_empty() {
        index.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Limits;

    struct Bench {
        connections: Connections,
    }

    impl Bench {
        fn new() -> Self {
            Self { connections: Connections::new(0) }
        }

        fn seat(&self, who: Identity, since: u64) -> Arc<Seat> {
            let queue = Arc::new(Queue::new(&Limits::default()));
            let seat = Seat::new(&who, &queue, &Arc::new(Lease::new(None)));
            self.connections.add(&seat, since);
            seat
        }
    }

    fn user(id: &str) -> Option<Revoked> {
        Some(Revoked::User(id.into()))
    }

    fn credential(id: &str) -> Option<Revoked> {
        Some(Revoked::Credential(id.into()))
    }

    #[test]
    fn spec_sy5_a_revocation_cuts_whom_it_names_and_nobody_else() {
        let bench = Bench::new();
        let phone = bench.seat(Identity::user("ann").by("phone"), 0);
        let laptop = bench.seat(Identity::user("ann").by("laptop"), 0);
        let bob = bench.seat(Identity::user("bob").by("ann"), 0);
        let guest = bench.seat(Identity::guest("g"), 0);
        let cut = || [&phone, &laptop, &bob, &guest].map(|seat| seat.lease.is_cut());
        bench.connections.revoke(1, credential("nobody's"));
        bench.connections.revoke(2, user("phone"));
        assert_eq!(cut(), [false; 4]);
        bench.connections.revoke(3, credential("phone"));
        assert_eq!(cut(), [true, false, false, false]);
        bench.connections.revoke(4, user("ann"));
        assert_eq!(cut(), [true, true, false, false]);
        bench.connections.revoke(5, None);
        assert_eq!(cut(), [true, true, true, false], "a guest has nothing to lose");
        bench.connections.revoke(6, user("g"));
        assert_eq!(cut(), [true; 4]);
    }

    #[test]
    fn spec_sy5_who_was_asked_before_a_revocation_is_cut_on_arrival() {
        let bench = Bench::new();
        bench.connections.revoke(7, credential("phone"));
        bench.connections.revoke(9, None);
        let arrives = |who: &Identity, since| bench.seat(who.clone(), since).lease.is_cut();
        let (ann, guest) = (Identity::user("ann").by("phone"), Identity::guest("g"));
        assert!(arrives(&ann, 6) && arrives(&ann, 8));
        assert!(!arrives(&ann, 9), "what they are was asked for after it");
        assert!(arrives(&Identity::user("bob"), 8));
        assert!(!arrives(&guest, 0), "whom it concerned was no guest");

        for offset in 10..10 + RECENT as u64 {
            bench.connections.revoke(offset, user("somebody"));
        }
        assert!(arrives(&guest, 8), "too long ago to know");
        assert!(!arrives(&guest, 9));
        assert!(bench.connections.lock().recent.len() <= RECENT);
    }

    #[test]
    fn spec_sy5_what_was_revoked_before_the_start_may_have_concerned_anybody() {
        let (connections, ann) = (Connections::new(20), Identity::user("ann"));
        assert!(connections.has_lost(&ann, 19));
        assert!(!connections.has_lost(&ann, 20));
        connections.revoke(21, user("ann"));
        assert!(connections.has_lost(&ann, 20) && !connections.has_lost(&ann, 21));
        assert!(!connections.has_lost(&Identity::user("bob"), 20));
    }

    #[test]
    fn nothing_is_kept_of_who_has_left() {
        let bench = Bench::new();
        let seats: Vec<_> = (0..10)
            .map(|n| bench.seat(Identity::user("ann").by(format!("{}", n / 2)), 0))
            .collect();
        assert_eq!(bench.connections.len(), 10);
        seats.iter().for_each(|seat| bench.connections.remove(seat));
        seats.iter().for_each(|seat| bench.connections.remove(seat));
        let state = bench.connections.lock();
        assert!(state.users.is_empty() && state.credentials.is_empty());
        assert!(seats.iter().all(|seat| Arc::strong_count(seat) == 1));
    }
}
