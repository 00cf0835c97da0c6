//! What each of the server's frames means to a client.

use super::{
    super::{connection::ConnectionInput, state::FailReason},
    ClientCore, Output,
};
use crate::contract::{ContractVerdict, ErrorCode, LiveError, ServerFrame, parse};

impl ClientCore {
    /// Takes a frame of the socket of this number.
    pub(super) fn receive(&mut self, generation: u64, text: &str) {
        if self.connection.open_generation() != Some(generation) {
            return;
        }
        let frame = parse::server_frame(text);
        self.step(ConnectionInput::FrameReceived { generation, valid: frame.is_some() });
        let Some(frame) = frame else { return };
        let (subscriptions, events) = (&mut self.subscriptions, &mut self.events);
        let presences = &mut self.presences;
        match frame {
            ServerFrame::Broadcast { channel, position, payload } => {
                subscriptions.event(&channel, position, payload, events);
            }
            ServerFrame::Ack { position, replay, reached, reference: Some(reference), .. } => {
                let replay = replay.unwrap_or(0);
                if !subscriptions.acknowledged(reference, position, replay, events) {
                    self.finish_broadcast(reference, Ok(reached.unwrap_or(0)));
                }
            }
            ServerFrame::Ack { .. } => {}
            ServerFrame::Resync { channel, reason, position, reference } => {
                subscriptions.resync(&channel, reason, position, reference, events);
            }
            ServerFrame::Heartbeat { position } => {
                self.answered();
                if let Some(position) = position {
                    self.subscriptions.heartbeat(position, &mut self.events);
                }
            }
            ServerFrame::Error { code, error, channel, reference, retry_after_ms } => {
                let error = LiveError { code, message: error, retry_after_ms };
                let for_now = matches!(code, ErrorCode::Internal | ErrorCode::RateLimited);
                let (now_ms, (delay_ms, most_ms)) = (self.now_ms, self.delay_ms);
                let later_ms = now_ms.saturating_add(retry_after_ms.unwrap_or(0).max(delay_ms));
                let again_ms = for_now.then_some(later_ms);
                let random = &mut self.random;
                let wait = |failures: u32| {
                    let bound = delay_ms.saturating_mul(1 << failures.min(32)).min(most_ms);
                    retry_after_ms.unwrap_or(0).max(bound / 2) + random.u64(0..=bound / 2)
                };
                match (reference, channel) {
                    (Some(number), _)
                        if for_now && subscriptions.postponed(number, now_ms, wait) => {}
                    (Some(number), _) if subscriptions.refused(number, &error, events) => {}
                    (Some(number), _) if presences.refused(number, &error, again_ms, events) => {}
                    (Some(number), _) => self.finish_broadcast(number, Err(error)),
                    // Nobody asked: the server has ended the channel.
                    (None, Some(channel))
                        if matches!(
                            code,
                            ErrorCode::UnknownChannel | ErrorCode::PermissionDenied
                        ) && subscriptions.ended(&channel, &error, events) => {}
                    (None, _) => self.outputs.push_back(Output::Complaint(error)),
                }
            }
            ServerFrame::PresenceState { channel, users } => {
                presences.state(&channel, users, events)
            }
            ServerFrame::PresenceUpdate { channel, action, user } => {
                presences.changed(&channel, action, user, events);
            }
            ServerFrame::PresenceCount { channel, count } => {
                presences.counted(&channel, count, events);
            }
            ServerFrame::Open { .. } => {}
            ServerFrame::Drain { within_ms } => self.step(ConnectionInput::Drain { within_ms }),
            #[cfg(not(target_arch = "wasm32"))]
            ServerFrame::Authenticated { view, expires_in_ms, .. } => {
                self.renewal.told(expires_in_ms, self.now_ms);
                self.sees(Some(view));
            }
            // Pages do not ask for it.
            #[cfg(target_arch = "wasm32")]
            ServerFrame::Authenticated { .. } => {}
            ServerFrame::Welcome { contract, view, expires_in_ms: _expires_in_ms, .. } => {
                self.answered();
                #[cfg(not(target_arch = "wasm32"))]
                self.renewal.told(_expires_in_ms, self.now_ms);
                self.sees(view);
                self.outputs.push_back(Output::Verdict(contract));
                if contract == ContractVerdict::Reload {
                    self.step(ConnectionInput::Fail(FailReason::ContractChanged));
                }
            }
        }
        self.flush();
    }
}
