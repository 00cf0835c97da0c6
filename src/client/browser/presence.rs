//! A page's part in who is where.

use serde_json::value::RawValue;

use super::BrowserClient;
use crate::{
    client::event::{ClientEvent, OwnerId},
    contract::{ChannelName, Present},
};

impl BrowserClient {
    /// Listens to a channel and is told who is there, by [`ClientEvent::Presence`]; with data, a JSON object,
    /// the page is shown itself. Ends with [`BrowserClient::unsubscribe`].
    pub fn subscribe_to_presence(
        &self,
        channel: &ChannelName,
        data: Option<Box<RawValue>>,
        callback: Box<dyn FnMut(ClientEvent)>,
    ) -> OwnerId {
        let now = self.inner.clock.now();
        let owner = self.inner.core.borrow_mut().subscribe_to_presence(channel, data, now);
        self.inner.events.add(owner.0, callback);
        self.inner.pump();
        owner
    }

    /// Says something new about oneself where this owner takes part: a JSON object.
    pub fn update_presence(&self, owner: OwnerId, data: Box<RawValue>) {
        self.inner.core.borrow_mut().update_presence(owner, data, self.inner.clock.now());
        self.inner.pump();
    }

    /// Who is in a channel that this page takes part in.
    pub fn online_users(&self, channel: &ChannelName) -> Vec<Present> {
        self.inner.core.borrow().online_users(channel).to_vec()
    }
}
