//! Who a connection belongs to, and for how long: an `auth` frame changes that.

use std::sync::Arc;

use super::{
    super::{
        Peer, Realtime,
        connections::Seat,
        event::encode,
        identity::Identity,
        lease::Lease,
        queue::{Queue, Queued},
        wall_clock::unix_ms,
    },
    End, Session,
};
use crate::contract::{ErrorCode, LiveError, ServerFrame, Transport, close, protocol::Token};

/// The client has to come back and say anew who it is.
pub(super) const CHANGED: End = End::Close(close::ACCESS, "what you may do has changed: come back");
/// The same, because its time is over.
pub(super) const EXPIRED: End = End::Close(close::ACCESS, "your time is over: come back");

/// The queue of somebody's connection, and their place among the connections, which they keep until it is
/// [given back](leave).
pub(super) fn enter(
    realtime: &Realtime,
    peer: &Peer,
    lease: &Arc<Lease>,
) -> (Arc<Queue>, Arc<Seat>) {
    let queue = Arc::new(Queue::new(realtime.limits()).of(peer.identity.clone()));
    let seat = take_seat(realtime, peer, &queue, lease);
    (queue, seat)
}

fn take_seat(
    realtime: &Realtime,
    peer: &Peer,
    queue: &Arc<Queue>,
    lease: &Arc<Lease>,
) -> Arc<Seat> {
    let seat = Seat::new(&peer.identity, queue, lease);
    // What was revoked since it was found out who it is must not be overlooked.
    let since = peer.identity.as_of().map_or(u64::MAX, |as_of| as_of.offset);
    realtime.hub().connections().add(&seat, since);
    seat
}

/// Until when an identity holds, in milliseconds from now.
pub(super) fn expires_in_ms(who: &Identity) -> Option<u64> {
    who.expires_ms().map(|expires_ms| expires_ms.saturating_sub(unix_ms()))
}

impl<S> Session<S> {
    /// An `auth` frame: a connection that has no subscriptions becomes somebody else's, any other goes on
    /// for as long as the new proof holds. One that would see something else from now on ends. Of an event
    /// stream this is only a renewal.
    pub(super) async fn authenticate(
        &mut self,
        token: &Token,
        reference: Option<u64>,
    ) -> Result<(), LiveError> {
        let who = self.realtime.identify_by_token(&token.0, self.peer.address).await?;
        self.subscriptions.retain(|_, subscription| !subscription.has_ended());
        let same = who == self.peer.identity;
        if !same && !self.subscriptions.is_empty() {
            self.lease.cut();
            return Ok(());
        }
        if !same && self.peer.transport == Transport::EventStream {
            // Its frames are taken from who opened it, who would speak as somebody else from now on.
            let text = "an event stream stays whoever's it was opened as: open another one";
            return Err(LiveError::new(ErrorCode::PermissionDenied, text));
        }
        self.realtime.hub().connections().remove(&self.seat);
        self.peer = Peer { identity: who, ..self.peer.clone() };
        self.lease.renew(self.peer.identity.expires_ms());
        if same {
            self.seat = take_seat(&self.realtime, &self.peer, &self.queue, &self.lease);
        } else {
            // Nobody but this session has the old queue, and what waited in it is sent.
            (self.queue, self.seat) = enter(&self.realtime, &self.peer, &self.lease);
            self.realtime.presence().lost(&self.presence);
            let user = self.peer.identity.id();
            self.presence = self.realtime.presence().connect(user, &self.queue);
            self.meter.belongs_to(user, &self.queue);
        }
        let who = &self.peer.identity;
        let answer = ServerFrame::Authenticated {
            user_id: who.id().to_string(),
            view: who.view(),
            expires_in_ms: expires_in_ms(who),
            reference,
        };
        self.queue.push_own([Queued::Own(encode(&answer))]);
        Ok(())
    }
}
