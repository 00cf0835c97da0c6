//! Who is in the channels of one client: what it says there, and what it is told. Pure.
//!
//! A channel has one presence on the wire, which its owners share: what the one that spoke last says is
//! shown. After every reconnect it is said anew, behind the channel's subscribe.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{
    event::{ClientEvent, OwnerId},
    subscriptions::SubscriptionOutput as Output,
};
use crate::contract::{ChannelName, ClientFrame, ErrorCode, LiveError, PresenceAction, Present};

/// What an owner is told of who is there.
#[derive(Clone, Debug)]
pub enum PresenceEvent {
    /// Everybody; takes the place of what was known.
    State(Arc<[Present]>),
    /// A user has come, or something about them has changed.
    Changed(Arc<Present>),
    /// A user has left.
    Left(Arc<Present>),
    /// There are too many to name: only how many is known.
    Count(usize),
    /// The connection is lost: what is shown is of before, until the next state.
    Stale,
    /// The server does not allow what was asked for; what is shown stays.
    Refused(LiveError),
}

/// The presences of one client, by channel.
#[derive(Debug, Default)]
pub struct Presences {
    rooms: Vec<Room>,
    idle: bool,
    turn: u64,
}

#[derive(Debug)]
struct Room {
    channel: ChannelName,
    owners: Vec<Owner>,
    users: Vec<Present>,
    count: Option<usize>,
    /// The server was asked on this socket.
    asked: bool,
    /// It has answered.
    live: bool,
    /// The number of the newest request.
    reference: u64,
    /// It was refused for now: when to ask again.
    again_ms: Option<u64>,
}

#[derive(Debug)]
struct Owner {
    id: OwnerId,
    /// What it says; who says nothing only watches.
    data: Option<Box<RawValue>>,
    spoke: u64,
}

impl Presences {
    /// An owner takes part in a channel. What it has to ask is sent by [`Presences::ask`].
    pub fn add(
        &mut self,
        id: OwnerId,
        channel: &ChannelName,
        data: Option<Box<RawValue>>,
        out: &mut Vec<Output>,
    ) {
        self.turn += 1;
        let says = data.is_some();
        let owner = Owner { id, data, spoke: self.turn };
        let Some(room) = self.rooms.iter_mut().find(|room| room.channel == *channel) else {
            self.rooms.push(Room::new(channel.clone(), owner));
            return;
        };
        // Something new to say is asked anew.
        room.asked &= !says;
        room.owners.push(owner);
        if room.live {
            let event = match room.count {
                Some(count) => PresenceEvent::Count(count),
                None => PresenceEvent::State(room.users.as_slice().into()),
            };
            out.push(Output::Deliver { owner: id, event: ClientEvent::Presence(event) });
        }
    }

    /// The frame that joins the channel or asks who is there, unless it was sent on this socket. Comes
    /// behind the channel's subscribe.
    pub fn ask(&mut self, channel: &str, references: &mut u64) -> Option<ClientFrame> {
        let idle = self.idle;
        let room = self.find(channel).filter(|room| !room.asked)?;
        room.asked = true;
        Some(room.join(idle, references))
    }

    /// When [`Presences::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<u64> {
        self.rooms.iter().filter_map(|room| room.again_ms).min()
    }

    /// Time has passed: asks again where the server had refused for now.
    pub fn tick(&mut self, now_ms: u64, references: &mut u64, out: &mut Vec<Output>) {
        let idle = self.idle;
        for room in &mut self.rooms {
            if room.again_ms.take_if(|at| *at <= now_ms).is_some() && room.asked {
                out.push(Output::Send(room.join(idle, references)));
            }
        }
    }

    /// The owner says something new.
    pub fn update(
        &mut self,
        id: OwnerId,
        data: Box<RawValue>,
        references: &mut u64,
        out: &mut Vec<Output>,
    ) {
        self.turn += 1;
        let (turn, idle) = (self.turn, self.idle);
        let Some(room) = self.rooms.iter_mut().find(|room| room.has(id)) else { return };
        for owner in room.owners.iter_mut().filter(|owner| owner.id == id) {
            (owner.data, owner.spoke) = (Some(data.clone()), turn);
        }
        // What was refused for now is said with the newest data when it is asked again.
        if room.asked && room.again_ms.is_none() {
            out.push(Output::Send(room.join(idle, references)));
        }
    }

    /// The owner is gone; `subscribed` says whether others still listen to the channel.
    pub fn remove(
        &mut self,
        id: OwnerId,
        subscribed: bool,
        references: &mut u64,
        out: &mut Vec<Output>,
    ) {
        let idle = self.idle;
        let Some(at) = self.rooms.iter().position(|room| room.has(id)) else { return };
        let room = &mut self.rooms[at];
        let before = room.said().map(|data| data.get().to_owned());
        room.owners.retain(|owner| owner.id != id);
        let after = room.said().map(|data| data.get().to_owned());
        if room.asked && subscribed && before != after {
            out.push(Output::Send(match after {
                Some(_) => room.join(idle, references),
                None => room.frame(None, None, true, references),
            }));
        }
        if room.owners.is_empty() {
            self.rooms.swap_remove(at);
        }
    }

    /// Whether nobody looks at the page. Told in every channel where this client is shown.
    pub fn set_idle(&mut self, idle: bool, references: &mut u64, out: &mut Vec<Output>) {
        if std::mem::replace(&mut self.idle, idle) == idle {
            return;
        }
        for room in self.rooms.iter_mut().filter(|room| room.asked && room.said().is_some()) {
            out.push(Output::Send(room.frame(None, Some(idle), false, references)));
        }
    }

    /// The socket is gone. The lists stay, and are no longer live.
    pub fn disconnected(&mut self, out: &mut Vec<Output>) {
        for room in &mut self.rooms {
            (room.asked, room.again_ms) = (false, None);
            if std::mem::take(&mut room.live) {
                room.tell(&PresenceEvent::Stale, out);
            }
        }
    }

    /// The client may see something else than before: what it has been told does not count any more.
    pub fn forget(&mut self, out: &mut Vec<Output>) {
        for room in &mut self.rooms {
            (room.live, room.count) = (false, None);
            room.users.clear();
            room.tell(&PresenceEvent::State([].into()), out);
            room.tell(&PresenceEvent::Stale, out);
        }
    }

    /// A `presence_state`.
    pub fn state(&mut self, channel: &str, users: Vec<Present>, out: &mut Vec<Output>) {
        let Some(room) = self.find(channel) else { return };
        (room.live, room.count) = (true, None);
        room.tell(&PresenceEvent::State(users.as_slice().into()), out);
        room.users = users;
    }

    /// A `presence_update`; of an older subscription unless a state came before it.
    pub fn changed(
        &mut self,
        channel: &str,
        action: PresenceAction,
        user: Present,
        out: &mut Vec<Output>,
    ) {
        let Some(room) = self.find(channel).filter(|room| room.live) else { return };
        let user = Arc::new(user);
        let event = if action == PresenceAction::Leave {
            room.users.retain(|other| other.user_id != user.user_id);
            PresenceEvent::Left(user)
        } else {
            put(&mut room.users, (*user).clone());
            PresenceEvent::Changed(user)
        };
        room.tell(&event, out);
    }

    /// A `presence_count`.
    pub fn counted(&mut self, channel: &str, count: usize, out: &mut Vec<Output>) {
        let Some(room) = self.find(channel) else { return };
        (room.live, room.count) = (true, Some(count));
        room.users.clear();
        room.tell(&PresenceEvent::Count(count), out);
    }

    /// An `error` with a number; `false` when it belongs to no presence. `again_ms` is when to ask again if
    /// the refusal is one for now.
    pub fn refused(
        &mut self,
        reference: u64,
        error: &LiveError,
        again_ms: Option<u64>,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(room) = self.rooms.iter_mut().find(|room| room.reference == reference) else {
            return false;
        };
        if error.code == ErrorCode::NotSubscribed {
            // The subscribe before it was refused for now, and is followed by this when it is sent again.
            room.asked = false;
        } else if again_ms.is_some() {
            room.again_ms = again_ms;
        } else {
            room.tell(&PresenceEvent::Refused(error.clone()), out);
        }
        true
    }

    /// Who is in a channel as far as is known.
    pub fn users(&self, channel: &ChannelName) -> &[Present] {
        let room = self.rooms.iter().find(|room| room.channel == *channel);
        room.map_or(&[], |room| &room.users)
    }

    fn find(&mut self, channel: &str) -> Option<&mut Room> {
        self.rooms.iter_mut().find(|room| room.channel.as_str() == channel)
    }
}

impl Room {
    fn new(channel: ChannelName, owner: Owner) -> Self {
        let (users, count) = (Vec::new(), None);
        Self {
            channel,
            owners: vec![owner],
            users,
            count,
            asked: false,
            live: false,
            reference: 0,
            again_ms: None,
        }
    }

    fn has(&self, id: OwnerId) -> bool {
        self.owners.iter().any(|owner| owner.id == id)
    }

    /// What this client is shown with.
    fn said(&self) -> Option<&RawValue> {
        let owners = self.owners.iter().filter(|owner| owner.data.is_some());
        owners.max_by_key(|owner| owner.spoke)?.data.as_deref()
    }

    fn join(&mut self, idle: bool, references: &mut u64) -> ClientFrame {
        let data = self.said().map(RawValue::to_owned);
        let idle = (idle && data.is_some()).then_some(true);
        self.frame(data, idle, false, references)
    }

    fn frame(
        &mut self,
        data: Option<Box<RawValue>>,
        idle: Option<bool>,
        leave: bool,
        references: &mut u64,
    ) -> ClientFrame {
        *references += 1;
        self.reference = *references;
        let channel = self.channel.as_str().into();
        ClientFrame::Presence { channel, data, idle, leave, reference: Some(self.reference) }
    }

    fn tell(&self, event: &PresenceEvent, out: &mut Vec<Output>) {
        for owner in &self.owners {
            let event = ClientEvent::Presence(event.clone());
            out.push(Output::Deliver { owner: owner.id, event });
        }
    }
}

/// Folds a user who has come or changed into a list: an unknown one is new.
pub fn put<D>(users: &mut Vec<Present<D>>, user: Present<D>) {
    match users.iter_mut().find(|other| other.user_id == user.user_id) {
        Some(other) => *other = user,
        None => users.push(user),
    }
}
