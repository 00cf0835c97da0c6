//! Tickets: what stands for somebody in an address, which logs and histories keep. So each is good for a
//! minute at most, and once.

use std::{
    collections::HashSet,
    mem,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};
use tidewire::{
    ErrorCode, LiveError,
    contract::Position,
    server::{
        Identity, Permissions,
        identity::{Kind, Ticket},
        unix_ms,
    },
};

use super::{hs256, refused};

/// How long a ticket is good for, in milliseconds.
const LIFE_MS: u64 = 60_000;
/// What its header says that it is, so that it is told from a token before it is looked at.
const TYPE: &str = "ticket+jwt";
/// Whom it is meant for; no token is.
const AUDIENCE: &str = "ticket";
/// What a guest is who cannot be told from others.
const PASSER_BY: &str = "passer-by";
/// How many used ones are remembered; beyond, none is taken until they have expired.
const MOST: usize = 100_000;

/// Gives and takes tickets.
pub(super) struct Tickets {
    decoding: DecodingKey,
    encoding: EncodingKey,
    validation: Validation,
    used: Mutex<Used>,
}

/// A whole identity.
#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    exp: u64,
    jti: String,
    kind: String,
    id: String,
    permissions: Vec<String>,
    limited: bool,
    name: Option<String>,
    credential: Option<String>,
    until_ms: Option<u64>,
    /// What was revoked later is not looked at in here.
    as_of: Option<Position>,
}

/// The tickets that have been used, each for at least as long as it would be good for.
#[derive(Default)]
struct Used {
    now: HashSet<u128>,
    before: HashSet<u128>,
    /// When `now` becomes `before`.
    turn_ms: u64,
}

impl Tickets {
    /// Tickets that every server takes which has the same secret, and without one this server alone.
    pub(super) fn new(secret: Option<&[u8]>) -> Self {
        hs256::install();
        let key = match secret {
            // Not with the secret itself: whoever may sign tokens with it for others signs no tickets.
            Some(secret) => hs256::derived(secret, "tidewire ticket"),
            None => random().to_vec(),
        };
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.set_required_spec_claims(&["exp", "aud"]);
        validation.set_audience(&[AUDIENCE]);
        let (decoding, encoding) = (DecodingKey::from_secret(&key), EncodingKey::from_secret(&key));
        Self { decoding, encoding, validation, used: Mutex::default() }
    }

    /// A ticket for `who`.
    pub(super) fn give(&self, who: &Identity) -> Ticket {
        let now = unix_ms();
        let end = who.expires_ms().map_or(now + LIFE_MS, |until| until.min(now + LIFE_MS));
        // Whole seconds, and rather one too few.
        let exp = end / 1_000;
        let kind = match who.kind() {
            Kind::Guest if who.is_passer_by() => PASSER_BY,
            Kind::Guest => "guest",
            Kind::User => "user",
            Kind::Service => "service",
        };
        let claims = Claims {
            aud: AUDIENCE.into(),
            exp,
            jti: format!("{:032x}", u128::from_be_bytes(random())),
            kind: kind.into(),
            id: who.id().to_string(),
            permissions: who.permissions().iter().map(ToString::to_string).collect(),
            limited: who.is_limited(),
            name: who.name().map(str::to_owned),
            credential: who.credential().map(|credential| credential.to_string()),
            until_ms: who.expires_ms(),
            as_of: who.as_of(),
        };
        let header = Header { typ: Some(TYPE.into()), ..Header::new(Algorithm::HS256) };
        let text = encode(&header, &claims, &self.encoding).expect("plain data");
        let expires_in = Duration::from_millis((exp * 1_000).saturating_sub(now));
        Ticket { text, expires_in }
    }

    /// Whom a ticket stands for; it is used up.
    ///
    /// # Errors
    /// `authentication_required` when it does not hold, or is something else; `rate_limited` when too many
    /// were used within a minute.
    pub(super) fn take(&self, text: &str) -> Result<Identity, LiveError> {
        let is_ticket =
            decode_header(text).is_ok_and(|header| header.typ.is_some_and(|kind| kind == TYPE));
        if !is_ticket {
            return Err(refused(
                "only a ticket may stand in an address, where logs and histories keep it: tokens and keys go \
                 into the header `Authorization`, and tickets come from `POST …/ticket`",
            ));
        }
        let gone = || refused("the ticket does not hold: it has been used, or is too old");
        let decoded = decode::<Claims>(text, &self.decoding, &self.validation);
        let claims = decoded.map_err(|_| gone())?.claims;
        let permissions = Permissions::parse(claims.permissions.iter().map(String::as_str));
        let jti = u128::from_str_radix(&claims.jti, 16);
        let (Ok(permissions), Ok(jti), Some(as_of)) = (permissions, jti, claims.as_of) else {
            return Err(gone());
        };
        let who = match claims.kind.as_str() {
            // Nothing is known by the id, which is another one each time.
            PASSER_BY => Identity::passer_by(),
            "guest" => Identity::guest(claims.id),
            "user" => Identity::user(claims.id),
            "service" => Identity::service(claims.id),
            _ => return Err(gone()),
        };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.add(jti, unix_ms()) {
            Some(true) => {}
            Some(false) => return Err(gone()),
            None => {
                let text = "tickets: too many have been used within a minute";
                return Err(LiveError::new(ErrorCode::RateLimited, text).retry_after(LIFE_MS));
            }
        }
        drop(used);
        let who = if claims.limited {
            who.limited_to(permissions)
        } else {
            who.with_permissions(permissions)
        };
        let who = who.found_at(as_of);
        let who = if let Some(name) = claims.name { who.named(name) } else { who };
        let who = if let Some(credential) = claims.credential { who.by(credential) } else { who };
        Ok(if let Some(until) = claims.until_ms { who.until(until) } else { who })
    }
}

impl Used {
    /// Whether it was not among them; `None` when there is no room.
    fn add(&mut self, ticket: u128, now_ms: u64) -> Option<bool> {
        // A second more than a ticket lives, whose end is not looked at more closely.
        const TURN_MS: u64 = LIFE_MS + 1_000;
        if now_ms >= self.turn_ms {
            let long_ago = now_ms >= self.turn_ms + TURN_MS;
            self.before = mem::take(&mut self.now);
            if long_ago {
                self.before.clear();
            }
            self.turn_ms = now_ms + TURN_MS;
        }
        if self.now.contains(&ticket) || self.before.contains(&ticket) {
            return Some(false);
        }
        if self.now.len() + self.before.len() >= MOST {
            return None;
        }
        Some(self.now.insert(ticket))
    }
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    // Without the system's random numbers nothing on this machine is safe.
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_fb4_a_ticket_is_its_owner_to_the_last_detail_and_only_once() {
        let tickets = Tickets::new(None);
        let may = |text| Permissions::parse([text]).unwrap();
        for who in [
            Identity::guest("g"),
            Identity::user("ann").with_permissions(may("read:a")),
            Identity::user("ann")
                .limited_to(may("read:a"))
                .named("Ann")
                .by("j")
                .until(u64::MAX / 2),
            Identity::service("shop").limited_to(may("write:*")).by("key"),
        ] {
            let who = who.found_at(Position::new(7, 9));
            let ticket = tickets.give(&who);
            assert!(ticket.expires_in <= Duration::from_secs(60), "{who:?}");
            assert!(ticket.expires_in > Duration::from_secs(55), "{who:?}");
            let found = tickets.take(&ticket.text).unwrap();
            // Debug shows what equality leaves out.
            assert_eq!(format!("{found:?}"), format!("{who:?}"));
            assert_eq!(found.view(), who.view());
            let again = tickets.take(&ticket.text).unwrap_err();
            assert_eq!(again.code, ErrorCode::AuthenticationRequired);
        }
    }

    #[test]
    fn spec_bq8_a_passer_by_with_a_ticket_sees_what_all_of_them_see() {
        let tickets = Tickets::new(None);
        let who = Identity::passer_by().found_at(Position::new(7, 9));
        let found = tickets.take(&tickets.give(&who).text).unwrap();
        assert!(found.is_passer_by());
        assert_eq!(found.view(), who.view());
    }

    #[test]
    fn spec_fb4_a_ticket_ends_with_who_it_stands_for() {
        let tickets = Tickets::new(None);
        let soon = tickets.give(&Identity::user("ann").until(unix_ms() + 10_000));
        assert!(soon.expires_in <= Duration::from_secs(10));
        let over = tickets.give(&Identity::user("ann").until(unix_ms() - 2_000));
        assert_eq!(over.expires_in, Duration::ZERO);
        assert!(tickets.take(&over.text).is_err());
    }

    #[test]
    fn spec_fb4_only_servers_of_one_secret_take_each_others_tickets() {
        let secret = Some(&b"one secret of all servers"[..]);
        let ticket =
            Tickets::new(secret).give(&Identity::user("ann").found_at(Position::new(7, 9))).text;
        assert!(Tickets::new(secret).take(&ticket).is_ok());
        for other in [None, Some(&b"another"[..])] {
            assert!(Tickets::new(other).take(&ticket).is_err());
        }
    }

    #[test]
    fn spec_sy7_used_tickets_are_remembered_as_long_as_they_live_and_no_more_than_so_many() {
        let mut used = Used::default();
        assert_eq!([used.add(1, 1_000), used.add(1, 1_000)], [Some(true), Some(false)]);
        assert_eq!(used.add(1, 61_000), Some(false), "a minute later");
        assert_eq!(used.add(1, 62_500), Some(false), "in the next turn");
        assert_eq!(used.add(1, 300_000), Some(true), "long after it has expired");
        let mut used = Used::default();
        for n in 0..MOST as u128 {
            assert_eq!(used.add(n, 1_000), Some(true));
        }
        assert_eq!(used.add(u128::MAX, 1_000), None);
        assert_eq!(used.add(u128::MAX, 130_000), Some(true));
    }
}
