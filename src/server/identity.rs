//! Who is connected, and the hook by which an application says so.

use std::{fmt, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use axum::http::HeaderMap;

use crate::contract::{LiveError, RowId};

/// Who is at the other end of a connection. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    user: Arc<str>,
    kind: Kind,
}

/// What is known of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nobody has signed in; the id only tells guests apart.
    Guest,
    /// A person who has signed in.
    User,
    /// Another server.
    Service,
}

impl Identity {
    /// A visitor. Connections with the same id count as one visitor.
    pub fn guest(id: impl Into<Arc<str>>) -> Self {
        Self { user: id.into(), kind: Kind::Guest }
    }

    /// A person who has signed in.
    pub fn user(id: impl Into<Arc<str>>) -> Self {
        Self { user: id.into(), kind: Kind::User }
    }

    /// Another server.
    pub fn service(name: impl Into<Arc<str>>) -> Self {
        Self { user: name.into(), kind: Kind::Service }
    }

    /// The id that others may see.
    pub fn id(&self) -> &Arc<str> {
        &self.user
    }

    /// The id of a person who has signed in. A guest's id proves nothing.
    pub fn signed_in(&self) -> Option<&Arc<str>> {
        (self.kind == Kind::User).then_some(&self.user)
    }

    /// What is known of them.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// The request that opens a connection, or asks one of the channel layer's addresses.
#[derive(Clone, Copy)]
pub struct Connect<'a> {
    /// Its headers, cookies among them.
    pub headers: &'a HeaderMap,
    /// The parameter `token` of its address.
    pub token: Option<&'a str>,
    /// Where it comes from, as far as that can be trusted.
    pub address: Option<IpAddr>,
}

/// Without the cookies and the token, which are as good as a password to whoever reads a log.
impl fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Says who makes a request.
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// Who it is; a guest when nobody has signed in.
    ///
    /// # Errors
    /// `authentication_required` when the request brings a proof that does not hold.
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError>;
}

/// Every connection is another guest.
pub struct Guests;

#[async_trait]
impl Authenticate for Guests {
    async fn identify(&self, _: Connect<'_>) -> Result<Identity, LiveError> {
        Ok(Identity::guest(RowId::new().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_bq9_what_proves_who_somebody_is_does_not_get_into_a_log() {
        let headers = HeaderMap::from_iter([(
            axum::http::header::COOKIE,
            axum::http::HeaderValue::from_static("tidewire_guest=c0ffee"),
        )]);
        let request = Connect { headers: &headers, token: Some("t0ken"), address: None };
        let shown = format!("{request:?}");
        assert!(!shown.contains("c0ffee") && !shown.contains("t0ken"), "{shown}");
    }
}
