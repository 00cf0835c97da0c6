//! The body of a request, as long as it may be and for as long as it may take.

use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use tokio::time::timeout;

use crate::contract::{ErrorCode, LiveError};

/// All of a body.
///
/// # Errors
/// `message_too_large` beyond `most` bytes; `malformed_message` when it breaks off, or is not there after
/// `patience`: what has come of it is memory that somebody else holds.
pub async fn read(body: Body, most: usize, patience: Duration) -> Result<Vec<u8>, LiveError> {
    let incomplete = |text| LiveError::new(ErrorCode::MalformedMessage, text);
    let all = async {
        let mut body = body.into_data_stream();
        let mut bytes = Vec::new();
        while let Some(part) = body.next().await {
            let part = part.map_err(|_| incomplete("the body breaks off".to_owned()))?;
            if bytes.len() + part.len() > most {
                return Err(too_large(most));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    };
    let late = |_| incomplete(format!("the body did not come within {} s", patience.as_secs_f32()));
    timeout(patience, all).await.map_err(late)?
}

/// The refusal of a longer one.
pub fn too_large(most: usize) -> LiveError {
    let text = format!("more than {most} bytes are not read");
    LiveError::new(ErrorCode::MessageTooLarge, text)
}
