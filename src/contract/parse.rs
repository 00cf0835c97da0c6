//! Reads frames: one flat pass, then the field that is missing or wrong is named.
//!
//! A flat structure, because serde buffers internally tagged enums, which would cost the browser
//! code and every payload a copy.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{
    ClientFrame, ContractVerdict, ErrorCode, Hello, LiveError, Position, PresenceAction, Present,
    ResyncReason, ServerFrame,
    protocol::{Health, Token, WelcomeLimits},
};

#[derive(Deserialize)]
struct FromClient<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    channel: Option<String>,
    since: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    presence: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    idle: Option<bool>,
    leave: Option<bool>,
    rtt_ms: Option<u32>,
    applied_ms: Option<u32>,
    #[serde(rename = "ref")]
    reference: Option<u64>,
    contract: Option<String>,
    // Raw, because an error of serde's would repeat what it is.
    #[serde(borrow)]
    token: Option<&'a RawValue>,
}

/// Reads a frame of a client.
///
/// # Errors
/// `malformed_message` when it is not JSON of the right shape, `unknown_type` when its type is not
/// one of the protocol's.
pub fn client_frame(text: &str) -> Result<ClientFrame, LiveError> {
    let malformed = |message: String| LiveError::new(ErrorCode::MalformedMessage, message);
    let frame: FromClient =
        serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let kind = frame.kind.ok_or_else(|| malformed("the field \"type\" is missing".into()))?;
    let channel = || {
        frame.channel.clone().ok_or_else(|| malformed("the field \"channel\" is missing".into()))
    };
    Ok(match kind.as_str() {
        "hello" => ClientFrame::Hello(Hello { contract: frame.contract }),
        "subscribe" => ClientFrame::Subscribe {
            channel: channel()?,
            since: frame.since,
            presence: frame.presence.map(RawValue::to_owned),
            reference: frame.reference,
        },
        "unsubscribe" => {
            ClientFrame::Unsubscribe { channel: channel()?, reference: frame.reference }
        }
        "broadcast" => ClientFrame::Broadcast {
            channel: channel()?,
            payload: frame
                .payload
                .ok_or_else(|| malformed("the field \"payload\" is missing".into()))?
                .to_owned(),
            reference: frame.reference,
        },
        "presence" => ClientFrame::Presence {
            channel: channel()?,
            data: frame.data.map(RawValue::to_owned),
            idle: frame.idle,
            leave: frame.leave.unwrap_or(false),
            reference: frame.reference,
        },
        "heartbeat" => {
            ClientFrame::Heartbeat(Health { rtt_ms: frame.rtt_ms, applied_ms: frame.applied_ms })
        }
        "auth" => {
            let token = frame.token.and_then(|token| serde_json::from_str(token.get()).ok());
            let missing = || malformed("the field \"token\" is missing or is not text".into());
            let token = Token(token.ok_or_else(missing)?);
            ClientFrame::Auth { token, reference: frame.reference }
        }
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err(LiveError::new(
                ErrorCode::UnknownType,
                format!("there is no message type {shown:?}"),
            ));
        }
    })
}

#[derive(Deserialize)]
struct FromServer {
    #[serde(rename = "type")]
    kind: String,
    channel: Option<String>,
    position: Option<Position>,
    #[serde(default, deserialize_with = "present")]
    payload: Option<Box<RawValue>>,
    #[serde(rename = "ref")]
    reference: Option<u64>,
    replay: Option<usize>,
    reached: Option<usize>,
    reason: Option<ResyncReason>,
    code: Option<ErrorCode>,
    error: Option<String>,
    retry_after_ms: Option<u64>,
    within_ms: Option<u64>,
    contract: Option<ContractVerdict>,
    limits: Option<WelcomeLimits>,
    users: Option<Vec<Present>>,
    action: Option<PresenceAction>,
    #[serde(rename = "userId")]
    user_id: Option<String>,
    data: Option<Box<RawValue>>,
    #[serde(rename = "joinedAt")]
    joined_at: Option<u64>,
    idle: Option<bool>,
    count: Option<usize>,
    connection: Option<String>,
    view: Option<String>,
    expires_in_ms: Option<u64>,
}

/// Reads a frame of a server. `None` when the frame is not understood: a client ignores frames of a
/// newer server.
pub fn server_frame(text: &str) -> Option<ServerFrame> {
    let frame: FromServer = serde_json::from_str(text).ok()?;
    Some(match frame.kind.as_str() {
        "broadcast" => ServerFrame::Broadcast {
            channel: frame.channel?,
            position: frame.position,
            payload: frame.payload?,
        },
        "ack" => ServerFrame::Ack {
            channel: frame.channel?,
            position: frame.position,
            replay: frame.replay,
            reached: frame.reached,
            reference: frame.reference,
        },
        "resync" => ServerFrame::Resync {
            channel: frame.channel?,
            reason: frame.reason?,
            position: frame.position?,
            reference: frame.reference,
        },
        "presence_state" => {
            ServerFrame::PresenceState { channel: frame.channel?, users: frame.users? }
        }
        "presence_update" => ServerFrame::PresenceUpdate {
            channel: frame.channel?,
            action: frame.action?,
            user: Present {
                user_id: frame.user_id?,
                data: frame.data.unwrap_or_else(|| RawValue::NULL.to_owned()),
                joined_at: frame.joined_at.unwrap_or(0),
                idle: frame.idle.unwrap_or(false),
            },
        },
        "presence_count" => {
            ServerFrame::PresenceCount { channel: frame.channel?, count: frame.count? }
        }
        "open" => ServerFrame::Open { connection: frame.connection? },
        "heartbeat" => ServerFrame::Heartbeat { position: frame.position },
        "welcome" => ServerFrame::Welcome {
            contract: frame.contract?,
            limits: frame.limits?,
            view: frame.view,
            expires_in_ms: frame.expires_in_ms,
        },
        "authenticated" => ServerFrame::Authenticated {
            user_id: frame.user_id?,
            view: frame.view?,
            expires_in_ms: frame.expires_in_ms,
            reference: frame.reference,
        },
        "drain" => ServerFrame::Drain { within_ms: frame.within_ms? },
        "error" => ServerFrame::Error {
            code: frame.code.unwrap_or(ErrorCode::Internal),
            error: frame.error?,
            channel: frame.channel,
            reference: frame.reference,
            retry_after_ms: frame.retry_after_ms,
        },
        _ => return None,
    })
}

/// A payload of `null` is a payload.
fn present<'de, D: Deserializer<'de>, R: Deserialize<'de>>(from: D) -> Result<Option<R>, D::Error> {
    R::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_a_payload() {
        assert!(client_frame(r#"{"type":"broadcast","channel":"a","payload":null}"#).is_ok());
        assert!(server_frame(r#"{"type":"broadcast","channel":"a","payload":null}"#).is_some());
    }

    #[test]
    fn each_mistake_has_its_name() {
        let code = |text| client_frame(text).unwrap_err().code;
        for text in
            ["", "{", "[]", "{}", r#"{"type":"subscribe"}"#, r#"{"type":"subscribe","channel":5}"#]
        {
            assert_eq!(code(text), ErrorCode::MalformedMessage, "{text}");
        }
        assert_eq!(code(r#"{"type":"nope"}"#), ErrorCode::UnknownType);
    }

    #[test]
    fn spec_sy10_a_token_is_shown_by_no_error_and_no_debug() {
        for text in [
            r#"{"type":"auth","token":5318008}"#,
            r#"{"type":"auth","token":{"s3cret":"s3cret"}}"#,
            r#"{"type":"auth"}"#,
            r#"{"type":"auth","token":null}"#,
        ] {
            let error = client_frame(text).unwrap_err();
            assert_eq!(error.code, ErrorCode::MalformedMessage);
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("5318008") && !shown.contains("s3cret"), "{shown}");
        }
        let frame = client_frame(r#"{"type":"auth","token":"s3cret","ref":1}"#).unwrap();
        let shown = format!("{frame:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(serde_json::to_string(&frame).unwrap().contains("s3cret"));
    }

    #[test]
    fn unknown_fields_and_types_of_a_newer_server_do_no_harm() {
        assert!(server_frame(r#"{"type":"tomorrow"}"#).is_none());
        assert!(matches!(
            server_frame(r#"{"type":"ack","channel":"a","later":1}"#),
            Some(ServerFrame::Ack { position: None, .. })
        ));
    }
}
