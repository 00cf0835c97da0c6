//! The registry's promises under a clock that stands still.

mod client;
mod model;

use tokio::time::{Duration, advance};

use std::sync::Arc;

use super::Presence;
use crate::{
    contract::{ChannelName, Limits, PresenceWish},
    server::subscription::Subscription,
};
use client::{Client, data, room};

fn setup(limits: &Limits) -> (Presence, Client) {
    let presence = Presence::new(limits);
    let watcher = Client::new(&presence, "watcher", limits);
    watcher.watch(&presence);
    (presence, watcher)
}

async fn pass(presence: &Presence, time: Duration) {
    advance(time).await;
    presence.sweep();
}

#[tokio::test(start_paused = true)]
async fn spec_bq3_a_user_is_one_entry_however_many_tabs_they_have() {
    let limits = Limits::default();
    let (presence, mut watcher) = setup(&limits);
    let (mut one, two) =
        (Client::new(&presence, "ann", &limits), Client::new(&presence, "ann", &limits));
    one.join(&presence, "one");
    assert_eq!(one.told(&presence), ["state 1"]);
    two.join(&presence, "two");
    assert_eq!(watcher.told(&presence), ["state 0", "update ann"]);
    // The tab that spoke last is gone: the other one's data are shown again.
    presence.lost(&two.connection);
    assert_eq!(watcher.told(&presence), ["update ann"]);
    assert_eq!(watcher.shown.as_ref().unwrap()["ann"].0["say"], "one");
    presence.leave(&one.connection, &room());
    assert_eq!(watcher.told(&presence), ["leave ann"]);
}

#[tokio::test(start_paused = true)]
async fn spec_bq3_who_comes_back_within_the_grace_period_was_never_away() {
    let limits = Limits::default();
    let (presence, mut watcher) = setup(&limits);
    let before = Client::new(&presence, "ann", &limits);
    before.join(&presence, "hello");
    let joined_at = presence.roll(&room()).users[0].joined_at;
    watcher.told(&presence);
    presence.lost(&before.connection);
    pass(&presence, limits.presence_grace - Duration::from_millis(1)).await;
    let after = Client::new(&presence, "ann", &limits);
    after.join(&presence, "hello");
    pass(&presence, limits.presence_grace * 2).await;
    assert_eq!(watcher.told(&presence), [""; 0]);
    assert_eq!(presence.roll(&room()).users[0].joined_at, joined_at);
    presence.lost(&after.connection);
    pass(&presence, limits.presence_grace).await;
    assert_eq!(watcher.told(&presence), ["leave ann"]);
}

#[tokio::test(start_paused = true)]
async fn spec_sy2_who_is_not_heard_ends_and_comes_back_when_heard() {
    let limits = Limits::default();
    let (presence, mut watcher) = setup(&limits);
    let ann = Client::new(&presence, "ann", &limits);
    ann.join(&presence, "hello");
    for _ in 0..5 {
        pass(&presence, limits.presence_ttl / 2).await;
        assert!(!ann.connection.heard());
    }
    assert_eq!(watcher.told(&presence), ["state 0", "join ann"]);
    pass(&presence, limits.presence_ttl).await;
    assert_eq!(watcher.told(&presence), ["leave ann"]);
    assert!(ann.connection.heard(), "it has to be revived");
    presence.revive(&ann.connection);
    assert_eq!(watcher.told(&presence), ["join ann"]);
    pass(&presence, limits.presence_ttl).await;
    assert_eq!(watcher.told(&presence), ["leave ann"]);
}

#[tokio::test(start_paused = true)]
async fn spec_sy2_a_user_is_idle_while_all_their_tabs_are() {
    let limits = Limits::default();
    let (presence, mut watcher) = setup(&limits);
    let (one, two) =
        (Client::new(&presence, "ann", &limits), Client::new(&presence, "ann", &limits));
    one.join(&presence, "hello");
    two.join(&presence, "hello");
    watcher.told(&presence);
    one.say(&presence, None, Some(true));
    assert_eq!(watcher.told(&presence), [""; 0]);
    two.say(&presence, None, Some(true));
    assert_eq!(watcher.told(&presence), ["update ann"]);
    assert!(watcher.shown.as_ref().unwrap()["ann"].1);
    one.say(&presence, None, Some(false));
    assert_eq!(watcher.told(&presence), ["update ann"]);
}

#[tokio::test(start_paused = true)]
async fn spec_bq3_many_are_counted_once_a_second_and_named_again_when_they_are_few() {
    let limits = Limits { presence_users: 10, ..Limits::default() };
    let (presence, mut watcher) = setup(&limits);
    let mut people: Vec<Client> =
        (0..20).map(|n| Client::new(&presence, &format!("user{n}"), &limits)).collect();
    people[..10].iter().for_each(|person| person.join(&presence, "x"));
    assert_eq!(watcher.told(&presence).len(), 11);
    people[10..].iter().for_each(|person| person.join(&presence, "x"));
    assert_eq!(watcher.told(&presence), ["count 11"]);
    assert_eq!(people[19].told(&presence), ["count 20"]);
    assert!(presence.roll(&room()).users.is_empty());
    pass(&presence, Duration::from_millis(999)).await;
    assert_eq!(watcher.told(&presence), [""; 0]);
    pass(&presence, Duration::from_millis(1)).await;
    assert_eq!(watcher.told(&presence), ["count 20"]);
    people[10..].iter().for_each(|person| presence.leave(&person.connection, &room()));
    pass(&presence, Duration::from_secs(1)).await;
    assert_eq!(watcher.told(&presence), ["count 10"]);
    presence.leave(&people[0].connection, &room());
    assert_eq!(watcher.told(&presence), ["state 9"]);
    presence.leave(&people[1].connection, &room());
    assert_eq!(watcher.told(&presence), ["leave user1"]);
}

#[tokio::test(start_paused = true)]
async fn spec_ig5_who_cannot_keep_up_gets_the_whole_state() {
    let limits = Limits { queue_latest: 2, ..Limits::default() };
    let (presence, mut watcher) = setup(&limits);
    watcher.told(&presence);
    let client = |user| Client::new(&presence, user, &limits);
    let (ann, bob, cid) = (client("ann"), client("bob"), client("cid"));
    for _ in 0..2 {
        ann.join(&presence, "first");
        bob.join(&presence, "first");
    }
    ann.join(&presence, "second");
    // One of each user waits; there is no room for a third user.
    cid.join(&presence, "first");
    assert_eq!(watcher.told(&presence), ["update ann", "join bob", "state 3"]);
    assert_eq!(watcher.shown.as_ref().unwrap()["ann"].0["say"], "second");
    ann.join(&presence, "third");
    assert_eq!(watcher.told(&presence), ["update ann"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_left_when_all_have_gone() {
    let limits = Limits::default();
    let (presence, watcher) = setup(&limits);
    let ann = Client::new(&presence, "ann", &limits);
    ann.join(&presence, "hello");
    presence.lost(&watcher.connection);
    presence.lost(&ann.connection);
    pass(&presence, limits.presence_ttl).await;
    let state = presence.lock();
    assert!(state.channels.is_empty() && state.connections.is_empty());
    assert_eq!(state.due.next(), None);
}

#[tokio::test(start_paused = true)]
async fn spec_nx5_who_could_not_keep_up_gets_one_state_after_the_other() {
    let limits = Limits { queue_latest: 1, ..Limits::default() };
    let presence = Presence::new(&limits);
    let (watcher, ann) =
        (Client::new(&presence, "watcher", &limits), Client::new(&presence, "ann", &limits));
    let rooms = ["room:a", "room:b", "room:c"].map(|name| ChannelName::new(name).unwrap());
    let subscribe = |room: &ChannelName| Arc::new(Subscription::new(room.clone(), 0));
    for room in &rooms {
        presence.enter(&watcher.connection, &subscribe(room), PresenceWish::Watch, true);
    }
    watcher.queue.take();
    // There is room for one difference, which the first one takes: of the others it misses all.
    for room in rooms.iter().cycle().take(6) {
        let subscription = subscribe(room);
        presence.enter(&ann.connection, &subscription, PresenceWish::Join(data("a")), false);
        presence.leave(&ann.connection, room);
    }
    watcher.queue.take();
    let mut states = 0;
    while watcher.connection.is_stale() {
        presence.refresh(&watcher.connection);
        assert_eq!(watcher.queue.take().len(), 1);
        states += 1;
    }
    assert_eq!(states, 2);
}
