//! What a client asks for about who is there.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{
    super::{policy::Action, subscription::Subscription},
    Session,
};
use crate::contract::{ChannelName, ErrorCode, LiveError, PresenceWish};

/// A wish that may be fulfilled, and whether who joins may see the others.
pub(super) type Granted = Option<(PresenceWish, bool)>;

impl<S> Session<S> {
    /// Reads the field `presence` of a subscribe, and asks the policy.
    pub(super) async fn wish(
        &mut self,
        field: Option<&RawValue>,
        channel: &ChannelName,
    ) -> Result<Granted, LiveError> {
        let Some(field) = field else { return Ok(None) };
        let mut wish = PresenceWish::read(field)?;
        let sees = match &mut wish {
            PresenceWish::Join(data) => {
                let sees = self.may_join(data, channel).await?;
                *data = self.as_oneself(data, channel)?;
                sees
            }
            PresenceWish::Watch | PresenceWish::Count => {
                self.may(Action::SeeUsers, channel).await?;
                true
            }
        };
        Ok(Some((wish, sees)))
    }

    /// The subscription stands: its wish is fulfilled. Without one, what the connection had before goes on.
    pub(super) fn begin_presence(&self, subscription: &Arc<Subscription>, granted: Granted) {
        let presence = self.realtime.presence();
        match granted {
            Some((wish, sees)) => presence.enter(&self.presence, subscription, wish, sees),
            None => presence.follow(&self.presence, subscription),
        }
    }

    /// A `presence` frame.
    pub(super) async fn present(
        &mut self,
        channel: &str,
        data: Option<Box<RawValue>>,
        idle: Option<bool>,
        leave: bool,
    ) -> Result<(), LiveError> {
        let name = ChannelName::new(channel)?;
        let found = self.subscriptions.get(&name).filter(|subscription| !subscription.has_ended());
        let Some(subscription) = found.cloned() else {
            let sentence = "subscribe to the channel first";
            return Err(LiveError::new(ErrorCode::NotSubscribed, sentence));
        };
        if leave {
            self.realtime.presence().part(&self.presence, &name);
            return Ok(());
        }
        let mut data = data;
        let sees = match &mut data {
            Some(data) => {
                let sees = self.may_join(data, &name).await?;
                *data = self.as_oneself(data, &name)?;
                sees
            }
            None if idle.is_none() => {
                self.may(Action::SeeUsers, &name).await?;
                true
            }
            None => false,
        };
        self.realtime.presence().say(&self.presence, &subscription, data, idle, sees);
        Ok(())
    }

    /// Whether who may join with these data also sees the others.
    async fn may_join(
        &mut self,
        data: &RawValue,
        channel: &ChannelName,
    ) -> Result<bool, LiveError> {
        let most = self.realtime.limits().presence_bytes;
        let invalid = |message: String| Err(LiveError::new(ErrorCode::InvalidPayload, message));
        if !data.get().starts_with('{') {
            return invalid("presence data are a JSON object".into());
        }
        if data.get().len() > most {
            return invalid(format!("presence data may have {most} bytes"));
        }
        self.may(Action::Join, channel).await?;
        Ok(self.may(Action::SeeUsers, channel).await.is_ok())
    }

    /// The data as the application lets this user say them.
    fn as_oneself(
        &self,
        data: &RawValue,
        channel: &ChannelName,
    ) -> Result<Box<RawValue>, LiveError> {
        self.realtime.messages().presence(&self.peer.identity, channel, data)
    }

    async fn may(&mut self, action: Action, channel: &ChannelName) -> Result<(), LiveError> {
        self.realtime.check(&self.peer.identity, action, channel).await
    }
}
