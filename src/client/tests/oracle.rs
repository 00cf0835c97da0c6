//! Random subscribes, cuts, trims and delays against the model server: every owner sees each event
//! after its position exactly once, in order.

use proptest::prelude::*;

use super::{
    super::{
        config::ClientConfig,
        core::{ClientCore, Input, Output},
        event::{ClientEvent, OwnerId},
        state::ConnectionState,
    },
    model::ModelServer,
};
use crate::contract::{ChannelName, Position, ResyncReason};

const CHANNELS: [&str; 2] = ["resource:todo", "todo:1"];

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(usize),
    Message(usize),
    /// Read a snapshot now; it becomes an owner at a later `Join`.
    Load(usize),
    Join(usize),
    Listen(usize),
    Leave(usize),
    /// Read a snapshot for a frozen owner; it arrives at a later `Rebase`.
    Reload(usize),
    Rebase(usize),
    Read(usize),
    Receive(usize),
    Duplicate,
    /// A frame of an older socket that was still under way.
    Stale(usize),
    Heartbeat,
    Trim,
    Overflow(usize),
    Cut,
    Restart,
    /// The client may see something else: it is sent away, and comes back to be told.
    View,
    Wait,
    Wake,
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0_usize..8;
    prop_oneof![
        8 => n.clone().prop_map(Step::Write),
        1 => n.clone().prop_map(Step::Message),
        3 => n.clone().prop_map(Step::Load),
        3 => n.clone().prop_map(Step::Join),
        2 => n.clone().prop_map(Step::Listen),
        2 => n.clone().prop_map(Step::Leave),
        2 => n.clone().prop_map(Step::Reload),
        2 => n.clone().prop_map(Step::Rebase),
        6 => n.clone().prop_map(Step::Read),
        6 => n.clone().prop_map(Step::Receive),
        1 => Just(Step::Duplicate),
        1 => n.clone().prop_map(Step::Stale),
        2 => Just(Step::Heartbeat),
        1 => Just(Step::Trim),
        1 => n.prop_map(Step::Overflow),
        1 => Just(Step::Cut),
        1 => Just(Step::Restart),
        1 => Just(Step::View),
        2 => Just(Step::Wait),
        1 => Just(Step::Wake),
    ]
}

/// What the oracle knows of one owner.
struct Owner {
    id: OwnerId,
    channel: usize,
    /// Everything up to here has been seen; a listener has none before its first `Ready`.
    at: Option<Position>,
    stateful: bool,
    frozen: bool,
    ready: bool,
    reloaded: Option<Position>,
    seen: usize,
}

struct World {
    core: ClientCore,
    server: ModelServer,
    generation: Option<u64>,
    /// What was under way when a socket was cut.
    stale: Vec<(u64, String)>,
    now: u64,
    owners: Vec<Owner>,
    snapshots: Vec<(usize, Position)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            core: ClientCore::new(&ClientConfig::default(), seed),
            server: ModelServer::default(),
            generation: None,
            stale: Vec::new(),
            now: 0,
            owners: Vec::new(),
            snapshots: Vec::new(),
        };
        world.say(Input::Connect);
        world
    }

    fn say(&mut self, input: Input<'_>) {
        self.core.handle(input, self.now);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(output) = self.core.next_output() {
            match output {
                Output::Open { generation, .. } => {
                    self.server.cut();
                    self.generation = Some(generation);
                    self.core.handle(Input::Opened { generation }, self.now);
                }
                Output::Close { .. } => {
                    self.generation = None;
                    self.server.cut();
                }
                Output::Send { generation, text } if self.generation == Some(generation) => {
                    self.server.to_server.push_back(text);
                }
                Output::Deliver { owner, event } => self.deliver(owner, event),
                _ => {}
            }
        }
    }

    fn deliver(&mut self, id: OwnerId, event: ClientEvent) {
        let Some(owner) = self.owners.iter_mut().find(|owner| owner.id == id) else { return };
        match event {
            ClientEvent::Change { position, payload } => {
                assert!(!owner.frozen, "a frozen owner gets no changes");
                assert_eq!(payload.get(), position.offset.to_string());
                let at = owner.at.expect("no change before a listener's first ready");
                assert_eq!(at.epoch, position.epoch, "an epoch changes by a resync only");
                if position.epoch == self.server.head().epoch {
                    let next = self.server.next_after(CHANNELS[owner.channel], at.offset);
                    assert_eq!(next, Some(position.offset), "once, in order, without a gap");
                }
                owner.at = Some(position);
                owner.seen += 1;
            }
            ClientEvent::Ready { position } => {
                assert!(!owner.frozen);
                assert!(self.generation.is_some(), "nobody is ready without a socket");
                owner.ready = true;
                if let (Some(at), Some(position)) = (owner.at, position) {
                    assert_eq!(at.epoch, position.epoch);
                    if position.epoch == self.server.head().epoch {
                        let next = self.server.next_after(CHANNELS[owner.channel], at.offset);
                        assert!(next.is_none_or(|next| next > position.offset), "ready too early");
                    }
                }
                owner.at = owner.at.or(position);
            }
            ClientEvent::Resync { reason: ResyncReason::Permission, .. } => {
                // A load that is under way, too, may bring what was seen before.
                (owner.frozen, owner.ready, owner.reloaded) = (owner.stateful, false, None);
                owner.at = owner.at.filter(|_| owner.stateful);
            }
            ClientEvent::Resync { position, .. } => {
                assert!(!owner.frozen, "one resync until the rebase");
                if owner.stateful {
                    owner.frozen = true;
                } else {
                    owner.at = Some(position);
                }
            }
            ClientEvent::Message { .. } | ClientEvent::Presence(_) => {}
            ClientEvent::Refused(error) => panic!("{error}"),
        }
    }

    fn receive(&mut self, keep: bool) {
        let frame = if keep {
            self.server.to_client.front().cloned()
        } else {
            self.server.to_client.pop_front()
        };
        if let (Some(text), Some(generation)) = (frame, self.generation) {
            self.say(Input::Frame { generation, text: &text });
        }
    }

    fn join(&mut self, channel: usize, since: Option<Position>) {
        let name = ChannelName::new(CHANNELS[channel]).unwrap();
        let id = self.core.subscribe(&name, since, self.now);
        let stateful = since.is_some();
        let (frozen, ready, reloaded, seen) = (false, false, None, 0);
        self.owners.push(Owner { id, channel, at: since, stateful, frozen, ready, reloaded, seen });
        self.settle();
    }

    fn rebase(&mut self, index: usize, position: Position) {
        let owner = &mut self.owners[index];
        owner.at = Some(position);
        owner.frozen = false;
        owner.ready = false;
        owner.reloaded = None;
        let id = owner.id;
        self.core.rebase(id, position, self.now);
        self.settle();
    }

    fn cut(&mut self) {
        if let Some(generation) = self.generation.take() {
            self.stale.extend(self.server.to_client.drain(..).map(|text| (generation, text)));
            for owner in &mut self.owners {
                owner.ready = false;
            }
            self.server.cut();
            self.say(Input::Closed { generation, code: 1006 });
        }
    }

    fn apply(&mut self, step: Step) {
        let pick = |n: usize, len: usize| (len > 0).then(|| n % len.max(1));
        match step {
            Step::Write(n) => self.server.write(CHANNELS[n % 2]),
            Step::Message(n) => self.server.message(CHANNELS[n % 2]),
            Step::Load(n) => self.snapshots.push((n % 2, self.server.head())),
            Step::Join(n) => {
                if let Some(n) = pick(n, self.snapshots.len()) {
                    let (channel, position) = self.snapshots.swap_remove(n);
                    self.join(channel, Some(position));
                }
            }
            Step::Listen(n) => self.join(n % 2, None),
            Step::Leave(n) => {
                if let Some(n) = pick(n, self.owners.len()) {
                    let owner = self.owners.swap_remove(n);
                    self.core.unsubscribe(owner.id, self.now);
                    self.settle();
                }
            }
            Step::Reload(n) => {
                let head = self.server.head();
                let mut frozen = self.owners.iter_mut().filter(|o| o.frozen);
                if let Some(owner) = frozen.nth(n % 2) {
                    owner.reloaded = Some(head);
                }
            }
            Step::Rebase(n) => {
                let mut waiting = (0..self.owners.len())
                    .filter(|i| self.owners[*i].frozen && self.owners[*i].reloaded.is_some());
                if let Some(index) = waiting.nth(n % 2) {
                    let position = self.owners[index].reloaded.unwrap();
                    self.rebase(index, position);
                }
            }
            Step::Read(n) => (0..=n).for_each(|_| self.server.read()),
            Step::Receive(n) => (0..=n).for_each(|_| self.receive(false)),
            Step::Duplicate => self.receive(true),
            Step::Stale(n) => {
                if let Some(n) = pick(n, self.stale.len()) {
                    let (generation, text) = self.stale.remove(n);
                    self.say(Input::Frame { generation, text: &text });
                }
            }
            Step::Heartbeat => self.server.heartbeat(),
            Step::Trim => self.server.trim(),
            Step::Overflow(n) => self.server.overflow(CHANNELS[n % 2]),
            Step::Cut => self.cut(),
            Step::Restart => {
                self.cut();
                self.server.restart();
            }
            Step::View => {
                self.cut();
                self.server.view += 1;
            }
            Step::Wait => {
                if let Some(deadline) = self.core.next_deadline() {
                    self.now = deadline;
                    self.say(Input::Tick);
                }
            }
            Step::Wake => self.say(Input::Wake),
        }
    }

    /// Lets everything arrive and every snapshot be loaded.
    fn calm(&mut self) {
        for _ in 0..20 {
            if self.core.state() != ConnectionState::Connected {
                self.apply(Step::Wait);
            }
            while !self.server.to_server.is_empty() || !self.server.to_client.is_empty() {
                self.server.read();
                self.receive(false);
            }
            let head = self.server.head();
            for index in 0..self.owners.len() {
                if self.owners[index].frozen {
                    self.rebase(index, head);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_owner_sees_each_event_after_its_position_once_and_in_order(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new(seed);
        for step in steps {
            world.apply(step);
        }
        world.calm();
        prop_assert_eq!(world.core.state(), ConnectionState::Connected);
        for channel in CHANNELS {
            world.server.write(channel);
        }
        world.calm();
        for owner in &world.owners {
            let at = owner.at.expect("every listener is ready in the end");
            prop_assert!(owner.ready && !owner.frozen);
            prop_assert_eq!(at.epoch, world.server.head().epoch);
            let left = world.server.next_after(CHANNELS[owner.channel], at.offset);
            prop_assert_eq!(left, None, "nothing is missing in the end");
            prop_assert!(owner.seen > 0, "the last write was seen");
        }
        let channels = (0..CHANNELS.len())
            .filter(|c| world.owners.iter().any(|owner| owner.channel == *c))
            .count();
        prop_assert_eq!(world.core.channels(), channels, "no subscription is left over");
    }
}
