//! A random run against a model: every watcher that reads ends with the model's set.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use serde_json::Value;
use tokio::time::Duration;

use super::{
    super::Presence,
    client::{Client, room},
    pass,
};
use crate::{
    contract::{Limits, PresenceWish},
    server::subscription::Subscription,
};

/// One step of a random run; the numbers choose a client, of which several are one user.
#[derive(Clone, Debug)]
enum Step {
    Join(usize, u8),
    Say(usize, u8),
    Idle(usize, bool),
    Part(usize),
    Leave(usize),
    Lose(usize),
    Watch(usize),
    Count(usize),
    Resubscribe(usize),
    Drain(usize),
    Pass(u64),
}

const CLIENTS: usize = 7;
const USERS: usize = 4;

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        4 => (client.clone(), any::<u8>()).prop_map(|(c, d)| Step::Join(c, d)),
        3 => (client.clone(), any::<u8>()).prop_map(|(c, d)| Step::Say(c, d)),
        2 => (client.clone(), any::<bool>()).prop_map(|(c, idle)| Step::Idle(c, idle)),
        1 => client.clone().prop_map(Step::Part),
        2 => client.clone().prop_map(Step::Leave),
        3 => client.clone().prop_map(Step::Lose),
        1 => client.clone().prop_map(Step::Watch),
        1 => client.clone().prop_map(Step::Count),
        1 => client.clone().prop_map(Step::Resubscribe),
        4 => client.prop_map(Step::Drain),
        2 => (1u64..4_000).prop_map(Step::Pass),
    ]
}

/// What a client has said, as the model has it.
#[derive(Clone)]
struct Said {
    text: String,
    idle: bool,
    spoke: usize,
    /// Lost at this time, in milliseconds.
    lost: Option<u64>,
}

/// Who has to be shown, from what the clients have said.
fn expected(said: &[(usize, Said)], now: u64, grace: u64) -> BTreeMap<String, (Value, bool)> {
    let mut users: BTreeMap<usize, Vec<&Said>> = BTreeMap::new();
    for (client, said) in said {
        if said.lost.is_none_or(|lost| lost + grace > now) {
            users.entry(client % USERS).or_default().push(said);
        }
    }
    let shown = |(user, said): (usize, Vec<&Said>)| {
        let newest = said.iter().max_by_key(|said| said.spoke).unwrap();
        let idle = said.iter().all(|said| said.idle);
        (format!("user{user}"), (serde_json::json!({"say": newest.text}), idle))
    };
    users.into_iter().map(shown).collect()
}

async fn run(steps: Vec<Step>, queue_latest: usize, presence_users: usize) {
    let limits = Limits { queue_latest, presence_users, ..Limits::default() };
    let grace = limits.presence_grace.as_millis() as u64;
    let presence = Presence::new(&limits);
    let user = |client: usize| format!("user{}", client % USERS);
    let mut clients: Vec<Client> =
        (0..CLIENTS).map(|n| Client::new(&presence, &user(n), &limits)).collect();
    let mut said: Vec<(usize, Said)> = Vec::new();
    let mut now = 0;
    for (turn, step) in steps.into_iter().enumerate() {
        // Whoever is there is heard, so that nobody ends by silence.
        clients.iter().for_each(|client| _ = client.connection.heard());
        let place = |said: &[(usize, Said)], c| {
            said.iter().position(|(client, said)| *client == c && said.lost.is_none())
        };
        match step {
            Step::Join(c, d) | Step::Say(c, d) => {
                let text = d.to_string();
                match step {
                    Step::Join(..) => clients[c].join(&presence, &text),
                    _ => clients[c].say(&presence, Some(&text), None),
                }
                // The lost one whose place it takes is forgotten.
                said.retain(|(other, said)| said.lost.is_none() || other % USERS != c % USERS);
                match place(&said, c) {
                    Some(at) => (said[at].1.text, said[at].1.spoke) = (text, turn),
                    None => said.push((c, Said { text, idle: false, spoke: turn, lost: None })),
                }
            }
            Step::Idle(c, idle) => {
                clients[c].say(&presence, None, Some(idle));
                if let Some(at) = place(&said, c) {
                    said[at].1.idle = idle;
                    if !idle {
                        said[at].1.spoke = turn;
                    }
                }
            }
            Step::Part(c) => {
                presence.part(&clients[c].connection, &room());
                said.retain(|(client, said)| *client != c || said.lost.is_some());
            }
            Step::Leave(c) => {
                clients[c].subscription.end();
                presence.leave(&clients[c].connection, &room());
                said.retain(|(client, said)| *client != c || said.lost.is_some());
                clients[c].drain(&presence);
                clients[c].subscription = Arc::new(Subscription::new(room(), 0));
                (clients[c].shown, clients[c].count) = (None, None);
            }
            Step::Lose(c) => {
                clients[c].subscription.end();
                presence.lost(&clients[c].connection);
                if let Some(at) = place(&said, c) {
                    let mut others = said.iter().filter(|(_, said)| said.lost.is_none());
                    if others.any(|(other, _)| *other != c && other % USERS == c % USERS) {
                        said.remove(at);
                    } else {
                        said[at].1.lost = Some(now);
                    }
                }
                clients[c] = Client::new(&presence, &user(c), &limits);
            }
            Step::Watch(c) | Step::Count(c) => {
                let client = &clients[c];
                match step {
                    Step::Watch(_) => client.watch(&presence),
                    _ => {
                        let wish = PresenceWish::Count;
                        presence.enter(&client.connection, &client.subscription, wish, true);
                    }
                }
                said.retain(|(client, said)| *client != c || said.lost.is_some());
            }
            Step::Resubscribe(c) => {
                clients[c].subscription.end();
                clients[c].subscription = Arc::new(Subscription::new(room(), 0));
                presence.follow(&clients[c].connection, &clients[c].subscription);
            }
            Step::Drain(c) => clients[c].drain(&presence),
            Step::Pass(time) => {
                now += time;
                pass(&presence, Duration::from_millis(time)).await;
                said.retain(|(_, said)| said.lost.is_none_or(|lost| lost + grace > now));
            }
        }
    }
    let named = expected(&said, now, grace);
    for client in &mut clients {
        client.drain(&presence);
        // Where they are counted now, somebody may have a second to wait for the number.
        if !presence.roll(&room()).users.is_empty() {
            assert!(client.shown.as_ref().is_none_or(|shown| *shown == named));
        }
    }
    // Whoever was lost is gone after the grace period, and the number is told a second later at most.
    now += grace;
    pass(&presence, limits.presence_grace).await;
    pass(&presence, Duration::from_secs(1)).await;
    let expected = expected(&said, now, grace);
    for client in &mut clients {
        client.drain(&presence);
        assert!(client.shown.as_ref().is_none_or(|shown| *shown == expected));
        assert!(client.count.is_none_or(|count| count == expected.len()));
    }
    let mut last = Client::new(&presence, "last", &limits);
    last.watch(&presence);
    last.drain(&presence);
    match (last.shown, last.count) {
        (Some(shown), None) => assert_eq!(shown, expected),
        (None, Some(count)) => assert_eq!(count, expected.len()),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn spec_ig5_every_watcher_that_drains_ends_with_the_models_set(
        steps in prop::collection::vec(step(), 1..80),
        queue_latest in prop_oneof![1usize..6, Just(1_000)],
        presence_users in prop_oneof![1usize..4, Just(500)],
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(steps, queue_latest, presence_users));
    }
}
