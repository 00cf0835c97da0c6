//! The parameters of an address; what cannot be read is refused by name.

use axum::{
    extract::{self, FromRequestParts},
    http::request::Parts,
    response::Response,
};
use serde::de::DeserializeOwned;

use super::refuse::refuse;
use crate::contract::{ErrorCode, LiveError};

/// The parameters as `T`.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        extract::Query::try_from_uri(&parts.uri)
            .map(|extract::Query(parameters)| Self(parameters))
            .map_err(|rejected| {
                refuse(LiveError::new(ErrorCode::MalformedMessage, rejected.body_text()))
            })
    }
}
