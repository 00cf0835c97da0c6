//! Keeps a list loaded and subscribed, without knowing its type: a browser loads this once.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, reactive::owner::LocalStorage, task::spawn_local};

use super::{
    super::{answer::Answer, connection::use_connection, fetch},
    browser::{Owner, Socket},
};
use crate::{
    client::event::ClientEvent,
    contract::{ChannelName, Position},
};

/// How long to wait after a failed load; the last is repeated.
const RETRY_AFTER_SECONDS: [u32; 6] = [1, 2, 4, 8, 16, 30];

/// What is followed, and what it does with what comes.
pub(super) struct Followed {
    pub(super) channel: ChannelName,
    /// Where its snapshot is loaded.
    pub(super) path: &'static str,
    /// With which arguments, as JSON.
    pub(super) arguments: String,
    /// Takes a snapshot; says whether it was one.
    pub(super) load: Box<dyn Fn(Answer) -> bool>,
    /// Takes an event; says whether the snapshot has to be loaded again.
    pub(super) take: Box<dyn Fn(ClientEvent) -> bool>,
    /// Where the rows stand.
    pub(super) position: Box<dyn Fn() -> Option<Position>>,
    /// How long an event that asks for a load waits for more of its kind.
    pub(super) pause_ms: u32,
}

/// A list's subscription; ends with the component that made it. Copy.
#[derive(Clone, Copy)]
pub(super) struct Follower {
    followed: StoredValue<Rc<Followed>, LocalStorage>,
    owner: StoredValue<Option<Owner>>,
    /// Counts the loads; only the newest goes on.
    loads: StoredValue<u64>,
    /// An answer is under way; whoever wants another load meanwhile gets it after this one.
    asking: StoredValue<bool>,
    again: StoredValue<bool>,
    pausing: StoredValue<bool>,
    socket: Socket,
}

impl Follower {
    pub(super) fn new(followed: Followed) -> Self {
        let follower = Self {
            followed: StoredValue::new_local(Rc::new(followed)),
            owner: StoredValue::new(None),
            loads: StoredValue::new(0),
            asking: StoredValue::new(false),
            again: StoredValue::new(false),
            pausing: StoredValue::new(false),
            socket: use_connection().socket(),
        };
        let Self { owner, socket, .. } = follower;
        on_cleanup(move || {
            if let Some(owner) = owner.try_get_value().flatten() {
                socket.unsubscribe(owner);
            }
        });
        follower
    }

    /// Follows the channel from where the rows stand.
    pub(super) fn follow(self) {
        let Some(followed) = self.followed.try_get_value() else { return };
        let Some(position) = (followed.position)() else { return };
        if let Some(owner) = self.owner.try_get_value().flatten() {
            return self.socket.rebase(owner, position);
        }
        let channel = followed.channel.clone();
        let events = move |event| {
            if matches!(event, ClientEvent::Refused(_)) {
                _ = self.owner.try_set_value(None);
            }
            if (followed.take)(event) {
                self.load_after(followed.pause_ms);
            }
        };
        let owner = self.socket.subscribe(channel, Some(position), Box::new(events));
        _ = self.owner.try_set_value(owner);
    }

    fn load_after(self, pause_ms: u32) {
        if pause_ms == 0 {
            return self.load();
        }
        if self.pausing.try_update_value(|pausing| std::mem::replace(pausing, true)) == Some(false)
        {
            spawn_local(async move {
                TimeoutFuture::new(pause_ms).await;
                if self.pausing.try_set_value(false).is_none() {
                    self.load();
                }
            });
        }
    }

    /// Loads the snapshot, again and again until it is there, and goes on from it.
    pub(super) fn load(self) {
        if self.asking.try_get_value() == Some(true) {
            return self.again.set_value(true);
        }
        self.loads.update_value(|loads| *loads += 1);
        let load = self.loads.get_value();
        let views = self.socket.views();
        let newest = move || self.loads.try_get_value() == Some(load);
        spawn_local(async move {
            let mut tries = RETRY_AFTER_SECONDS.iter();
            while let Some(followed) = self.followed.try_get_value() {
                self.asking.set_value(true);
                let answer =
                    fetch::post(followed.path, "application/json", &followed.arguments).await;
                if !newest() {
                    return;
                }
                self.asking.set_value(false);
                if self.socket.views() != views {
                    // It may have been answered to whom this page was before.
                    return self.load();
                }
                if (followed.load)(answer) {
                    self.follow();
                    if self.again.try_update_value(std::mem::take) == Some(true) {
                        // Whatever asks again and again must not become a storm of requests.
                        TimeoutFuture::new(1_000).await;
                        if newest() {
                            self.load();
                        }
                    }
                    return;
                }
                let wait = tries.next().unwrap_or(&30);
                TimeoutFuture::new(wait * 1_000).await;
                if !newest() {
                    return;
                }
            }
        });
    }
}
