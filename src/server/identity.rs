//! Who is connected, and the hook by which an application says so.

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use axum::http::HeaderMap;
use sha2::{Digest, Sha256};

use super::permission::Permissions;
use crate::contract::{ErrorCode, LiveError, Position, RowId};

/// Who is at the other end of a connection. Cheap to clone.
///
/// Two are equal when they may see the same: the same user of the same kind with the same permissions,
/// whichever way they have proved it.
#[derive(Clone, Debug)]
pub struct Identity {
    user: Arc<str>,
    kind: Kind,
    permissions: Permissions,
    limited: bool,
    name: Option<Arc<str>>,
    credential: Option<Arc<str>>,
    expires_ms: Option<u64>,
    as_of: Option<Position>,
    /// Nobody else has ever had this id, so nobody can see anything by it.
    passing: bool,
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
        Self::new(id.into(), Kind::Guest)
    }

    /// A visitor who cannot be told from others, and is another one at the next request: the id is one that
    /// nobody has had before. All of them see the same, and have one [view](Self::view).
    pub fn passer_by() -> Self {
        Self { passing: true, ..Self::guest(RowId::new().to_string()) }
    }

    /// A person who has signed in.
    pub fn user(id: impl Into<Arc<str>>) -> Self {
        Self::new(id.into(), Kind::User)
    }

    /// Another server, which may do what its permissions say and nothing else. Nobody else has this id.
    pub fn service(id: impl Into<Arc<str>>) -> Self {
        Self { limited: true, ..Self::new(id.into(), Kind::Service) }
    }

    fn new(user: Arc<str>, kind: Kind) -> Self {
        Self {
            user,
            kind,
            permissions: Permissions::default(),
            limited: false,
            name: None,
            credential: None,
            expires_ms: None,
            as_of: None,
            passing: false,
        }
    }

    /// The same, who may do this beyond what the application's rules allow.
    pub fn with_permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// The same, who may do this and nothing else, whatever the application's rules allow.
    pub fn limited_to(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self.limited = true;
        self
    }

    /// The same, whom others know by this name.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same, who has proved it by this credential: the id of a session or a key, never its secret. When
    /// the credential is [revoked](super::Revoked), its connections end.
    pub fn by(mut self, credential: impl Into<Arc<str>>) -> Self {
        self.credential = Some(credential.into());
        self
    }

    /// The same, until so many milliseconds after 1970; then its connections end.
    pub fn until(mut self, expires_ms: u64) -> Self {
        self.expires_ms = Some(expires_ms);
        self
    }

    /// The same, as was found out when the hub stood here: what was revoked later has not been looked at.
    pub fn found_at(mut self, as_of: Position) -> Self {
        self.as_of = Some(as_of);
        self
    }

    /// The id that others may see.
    pub fn id(&self) -> &Arc<str> {
        &self.user
    }

    /// The id of a person who has signed in. A guest's id proves no more than that it is the same browser.
    pub fn signed_in(&self) -> Option<&Arc<str>> {
        (self.kind == Kind::User).then_some(&self.user)
    }

    /// What is known of them.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is a [passer-by](Self::passer_by).
    pub fn is_passer_by(&self) -> bool {
        self.passing
    }

    /// What others call them, if they have a name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What they may do beyond the application's rules.
    pub fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// Whether their permissions are all that they may do.
    pub fn is_limited(&self) -> bool {
        self.limited
    }

    /// What they have proved themselves by.
    pub fn credential(&self) -> Option<&Arc<str>> {
        self.credential.as_ref()
    }

    /// When this ends, in milliseconds after 1970.
    pub fn expires_ms(&self) -> Option<u64> {
        self.expires_ms
    }

    /// Where the hub stood before it was found out who they are; for somebody with a [ticket](Ticket),
    /// before it was given.
    pub fn as_of(&self) -> Option<Position> {
        self.as_of
    }

    /// Names what they may see: 16 hexadecimal digits, equal for equal identities and for
    /// [passers-by](Self::passer_by), and for nobody else. Who comes back with another one has to load
    /// everything again.
    pub fn view(&self) -> String {
        let kind = match self.kind {
            Kind::Guest => "guest",
            Kind::User => "user",
            Kind::Service => "service",
        };
        let mut hash = Sha256::new();
        // Lengths first, so that no two identities are the same bytes.
        let mut add = |part: &str| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(kind);
        add(if self.passing { "" } else { &self.user });
        add(if self.limited { "limited" } else { "" });
        self.permissions.iter().for_each(|permission| add(&permission.to_string()));
        hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn what_counts(&self) -> (&str, Kind, &Permissions, bool) {
        (&self.user, self.kind, &self.permissions, self.limited)
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.what_counts() == other.what_counts()
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.what_counts().hash(state);
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

/// Stands for somebody in an address, where what they prove themselves with does not belong: once, and soon.
pub struct Ticket {
    /// What [`Connect::token`] will be.
    pub text: String,
    /// How long it is good for.
    pub expires_in: Duration,
}

/// Says who makes a request.
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// Who it is; a guest when nobody has signed in.
    ///
    /// # Errors
    /// `authentication_required` when the request brings a proof that does not hold.
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError>;

    /// Whose token this is, which came in an `auth` frame.
    ///
    /// # Errors
    /// `authentication_required` when it does not hold, or the application takes none.
    async fn token(&self, _token: &str, _address: Option<IpAddr>) -> Result<Identity, LiveError> {
        Err(LiveError::new(ErrorCode::AuthenticationRequired, "no tokens are taken here"))
    }

    /// A ticket by which [`Self::identify`] finds this very identity: its credential and its end included, and
    /// [when it was found](Identity::as_of), as access may be taken away before the ticket is used.
    ///
    /// # Errors
    /// `permission_denied` where none are given.
    async fn ticket(&self, _who: &Identity) -> Result<Ticket, LiveError> {
        Err(LiveError::new(ErrorCode::PermissionDenied, "no tickets are given here"))
    }
}

/// Every connection is another guest.
pub struct Guests;

#[async_trait]
impl Authenticate for Guests {
    async fn identify(&self, _: Connect<'_>) -> Result<Identity, LiveError> {
        Ok(Identity::passer_by())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_equal_for_who_may_see_the_same_and_nobody_else() {
        let may = |text| Permissions::parse([text]).unwrap();
        let ann = Identity::user("ann");
        let same = Identity::user("ann").named("Ann").by("session 1").until(7);
        assert_eq!((&ann, ann.view()), (&same, same.view()));
        assert_eq!(ann.view().len(), 16);
        for other in [
            Identity::guest("ann"),
            Identity::user("bob"),
            Identity::service("ann"),
            Identity::user("ann").with_permissions(may("read:a")),
            Identity::user("ann").limited_to(may("read:a")),
            Identity::user("ann").limited_to(Permissions::default()),
        ] {
            assert_ne!(ann, other);
            assert_ne!(ann.view(), other.view(), "{other:?}");
        }
    }

    #[test]
    fn passers_by_are_different_visitors_who_see_the_same() {
        let (one, other) = (Identity::passer_by(), Identity::passer_by());
        assert_ne!(one, other);
        assert_eq!(one.view(), other.view());
        assert_ne!(one.view(), Identity::guest(one.id().clone()).view());
    }

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
