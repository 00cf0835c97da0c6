//! Who is in a channel, as signals: rendered by the server, then kept by the channel's differences.

use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::to_raw_value;

use super::{
    connection::{LiveConnection, use_connection},
    platform::{Owner, Socket},
    present,
};
use crate::{
    client::{
        event::ClientEvent,
        presence::{PresenceEvent, put},
    },
    contract::{ChannelName, Present},
};

/// What users say about themselves in a channel: `#[derive(Clone, PartialEq, Serialize, Deserialize)]`,
/// an object in JSON.
pub trait PresenceData:
    Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<D> PresenceData for D where
    D: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

/// Who is in a channel. Copy it into closures. Ends with the component that made it.
pub struct PresenceList<D: PresenceData> {
    users: RwSignal<Vec<Present<D>>>,
    /// Set where there are too many to name.
    counted: RwSignal<Option<usize>>,
    live: RwSignal<bool>,
    me: StoredValue<Option<String>>,
    owner: StoredValue<Option<Owner>>,
    socket: Socket,
}

/// Follows who is in `channel`; with data, this page's visitor is shown there themself once the page is
/// live. Without JavaScript nobody joins, and the list is the one that the server has rendered.
pub fn use_presence<D: PresenceData>(channel: &ChannelName, data: Option<D>) -> PresenceList<D> {
    let connection = use_connection();
    let socket = connection.socket();
    let list = PresenceList {
        users: RwSignal::new(Vec::new()),
        counted: RwSignal::new(None),
        live: RwSignal::new(false),
        me: StoredValue::new(connection.me()),
        owner: StoredValue::new(None),
        socket,
    };
    present::first(channel, move |first| list.begin(first));
    let data = data.and_then(|data| to_raw_value(&data).ok());
    let events = Box::new(move |event| list.take(event));
    list.owner.set_value(socket.subscribe_to_presence(channel.clone(), data, events));
    on_cleanup(move || {
        if let Some(owner) = list.owner.try_update_value(Option::take).flatten() {
            socket.unsubscribe(owner);
        }
    });
    list
}

impl<D: PresenceData> PresenceList<D> {
    /// Everybody, in the order in which they came; nobody where they are too many to name. A signal.
    pub fn users(&self) -> Vec<Present<D>> {
        self.users.get()
    }

    /// Everybody but this page's visitor. A signal.
    pub fn others(&self) -> Vec<Present<D>> {
        let me = self.me.get_value();
        let mut users = self.users.get();
        users.retain(|user| Some(&user.user_id) != me.as_ref());
        users
    }

    /// How many users there are. A signal.
    pub fn count(&self) -> usize {
        self.counted.get().unwrap_or_else(|| self.users.with(Vec::len))
    }

    /// Whether there are too many to name. A signal.
    pub fn is_counted(&self) -> bool {
        self.counted.with(Option::is_some)
    }

    /// Whether the list is what the server says now; otherwise it is of before the connection was lost. A
    /// signal.
    pub fn is_live(&self) -> bool {
        self.live.get()
    }

    /// This page's visitor, once they are shown. A signal.
    pub fn me(&self) -> Option<Present<D>> {
        let me = self.me.get_value()?;
        self.users.with(|users| users.iter().find(|user| user.user_id == me).cloned())
    }

    /// Says something new about this page's visitor.
    pub fn update(&self, data: &D) {
        if let Some(owner) = self.owner.try_get_value().flatten()
            && let Ok(data) = to_raw_value(data)
        {
            self.socket.update_presence(owner, data);
        }
    }

    fn begin(&self, first: Vec<Present>) {
        _ = self.users.try_set(first.into_iter().filter_map(Present::read).collect());
    }

    fn take(&self, event: ClientEvent) {
        let ClientEvent::Presence(event) = event else { return };
        let live = match event {
            PresenceEvent::State(users) => {
                self.begin(users.to_vec());
                _ = self.counted.try_set(None);
                true
            }
            PresenceEvent::Changed(user) => {
                if let Some(user) = (*user).clone().read() {
                    _ = self.users.try_update(|users| put(users, user));
                }
                true
            }
            PresenceEvent::Left(user) => {
                _ = self.users.try_update(|users| {
                    users.retain(|other| other.user_id != user.user_id);
                });
                true
            }
            PresenceEvent::Count(count) => {
                _ = self.users.try_set(Vec::new());
                _ = self.counted.try_set(Some(count));
                true
            }
            PresenceEvent::Stale => false,
            PresenceEvent::Refused(_) => return,
        };
        if self.live.try_get_untracked() != Some(live) {
            _ = self.live.try_set(live);
        }
    }
}

impl<D: PresenceData> Clone for PresenceList<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: PresenceData> Copy for PresenceList<D> {}

impl LiveConnection {
    /// Who is in a channel, without being shown there. A signal.
    pub fn online_users<D: PresenceData>(&self, channel: &ChannelName) -> Signal<Vec<Present<D>>> {
        use_presence::<D>(channel, None).users.into()
    }
}
