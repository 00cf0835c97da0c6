//! The cookies of this server: a session's, a guest's, and what was typed into a form that was refused.
//! Each is read by the very name that it is set under.

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use tidewire::server::Identity;

use super::token::{Token, hex, random};

const DAY_SECONDS: u64 = 24 * 3_600;
/// How long a browser keeps a session that it does not come back with.
pub const SESSION_DAYS: u64 = 30;
const GUEST_DAYS: u64 = 365;
const TYPED_SECONDS: u64 = 60;

/// How cookies are named and sent.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    secure: bool,
}

/// What was typed into the fields of a refused form, passwords left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    pub name: String,
    pub login: String,
}

impl Cookies {
    /// `secure`: browsers send them over TLS alone, and no other host can set them.
    pub fn new(secure: bool) -> Self {
        Self { secure }
    }

    /// The token of the session that a request comes with.
    pub fn session(&self, headers: &HeaderMap) -> Option<Token> {
        self.read(headers, "session").and_then(Token::parse)
    }

    /// Whether an answer sets a session's cookie already, or takes it away.
    pub fn sets_session(&self, answer: &HeaderMap) -> bool {
        let name = [&*self.name("session"), "="].concat();
        let mut set = answer.get_all(header::SET_COOKIE).iter();
        set.any(|cookie| cookie.as_bytes().starts_with(name.as_bytes()))
    }

    /// The secret of the guest that a request comes from, if it is one that this server makes.
    pub fn guest<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let secret = self.read(headers, "guest")?;
        let ours = secret.len() == 32 && secret.bytes().all(|b| b.is_ascii_hexdigit());
        ours.then_some(secret)
    }

    /// A guest that has not been there before: the pair for a request's header, and the cookie to set.
    pub fn new_guest(&self) -> (HeaderValue, HeaderValue) {
        let secret = hex(&random::<16>());
        let pair = [&*self.name("guest"), "=", &secret].concat();
        let pair = HeaderValue::try_from(pair).expect("hexadecimal digits");
        (pair, self.write("guest", &secret, GUEST_DAYS * DAY_SECONDS))
    }

    /// Keeps a session for another [`SESSION_DAYS`].
    pub fn set_session(&self, token: &Token) -> HeaderValue {
        self.write("session", token.text(), SESSION_DAYS * DAY_SECONDS)
    }

    /// Forgets the session.
    pub fn clear_session(&self) -> HeaderValue {
        self.write("session", "", 0)
    }

    /// What was typed into the form that led to this page.
    pub fn typed(&self, headers: &HeaderMap) -> Option<Typed> {
        let (name, login) = self.read(headers, "typed")?.split_once('.')?;
        Some(Typed { name: unhex(name)?, login: unhex(login)? })
    }

    /// Keeps what was typed until the page is shown again. Not in its address, which is remembered by too many.
    pub fn set_typed(&self, typed: &Typed) -> HeaderValue {
        let part = |text: &str| {
            let short: String = text.chars().take(200).collect();
            hex(short.as_bytes())
        };
        self.write("typed", &[part(&typed.name), part(&typed.login)].join("."), TYPED_SECONDS)
    }

    fn name(&self, which: &str) -> String {
        // Browsers let nobody but this very host set such a cookie, and only over TLS.
        let prefix = if self.secure { "__Host-" } else { "" };
        [prefix, "tidewire_", which].concat()
    }

    fn read<'a>(&self, headers: &'a HeaderMap, which: &str) -> Option<&'a str> {
        let wanted = self.name(which);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs =
            lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| name.trim() == wanted).map(|(_, value)| value.trim())
    }

    fn write(&self, which: &str, value: &str, seconds: u64) -> HeaderValue {
        let mut cookie = self.name(which);
        let rest = format!("={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={seconds}");
        cookie += &rest;
        if self.secure {
            cookie += "; Secure";
        }
        HeaderValue::try_from(cookie).expect("names and hexadecimal digits")
    }
}

/// The guest of a cookie. Others are shown an id that is derived from it, from which nobody can make the
/// cookie.
pub fn guest(secret: &str) -> Identity {
    Identity::guest(hex(&Sha256::digest(secret)[..8]))
}

fn unhex(text: &str) -> Option<String> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::try_from(cookie).unwrap())])
    }

    #[test]
    fn the_id_is_not_the_cookie_and_stays_the_same() {
        let cookie = "0123456789abcdef0123456789abcdef";
        let id = guest(cookie).id().to_string();
        assert_eq!(id.len(), 16);
        assert!(!cookie.contains(&id));
        assert_eq!(guest(cookie), guest(cookie));
    }

    #[test]
    fn spec_bq9_only_our_own_cookies_count() {
        let (plain, secure) = (Cookies::new(false), Cookies::new(true));
        let ours = "0123456789abcdef0123456789abcdef";
        let among_others = headers(&format!("theme=dark; tidewire_guest={ours}; x=y"));
        assert_eq!(plain.guest(&among_others), Some(ours));
        assert_eq!(secure.guest(&among_others), None, "anybody could have set it");
        let hosts = headers(&format!("__Host-tidewire_guest={ours}"));
        assert_eq!((plain.guest(&hosts), secure.guest(&hosts)), (None, Some(ours)));
        for cookie in ["", "tidewire_guest=", "tidewire_guest=admin", "other=0123"] {
            assert_eq!(plain.guest(&headers(cookie)), None, "{cookie}");
        }
        assert_eq!(plain.guest(&headers(&format!("tidewire_guest={}", "g".repeat(32)))), None);
        let token = Token::new();
        let session = headers(&format!("tidewire_session={}", token.text()));
        assert_eq!(plain.session(&session).map(|t| t.hash()), Some(token.hash()));
        assert!(secure.session(&session).is_none());
        let wrong = headers("tidewire_session=admin");
        assert!(plain.session(&wrong).is_none());
    }

    #[test]
    fn spec_sy8_cookies_are_for_the_server_alone() {
        let token = Token::new();
        let text = |value: HeaderValue| value.to_str().unwrap().to_owned();
        let rest = "HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000";
        assert_eq!(
            text(Cookies::new(false).set_session(&token)),
            format!("tidewire_session={}; {rest}", token.text())
        );
        assert_eq!(
            text(Cookies::new(true).set_session(&token)),
            format!("__Host-tidewire_session={}; {rest}; Secure", token.text())
        );
        let cleared = text(Cookies::new(false).clear_session());
        assert!(cleared.starts_with("tidewire_session=; ") && cleared.contains("Max-Age=0"));
        for (cookie, sets) in
            [(cleared.as_str(), true), ("tidewire_guest=tidewire_session=", false)]
        {
            let cookie = HeaderValue::try_from(cookie).unwrap();
            let answer = HeaderMap::from_iter([(header::SET_COOKIE, cookie)]);
            assert_eq!(Cookies::new(false).sets_session(&answer), sets);
            assert!(!Cookies::new(true).sets_session(&answer), "another cookie");
        }
    }

    #[test]
    fn what_was_typed_comes_back() {
        let cookies = Cookies::new(false);
        let typed = Typed { name: "Änn; \"B\"".into(), login: "ann@example.org".into() };
        let set = cookies.set_typed(&typed);
        let pair = set.to_str().unwrap().split("; ").next().unwrap().to_owned();
        assert!(!pair.contains("ann@"), "{pair}");
        assert_eq!(cookies.typed(&headers(&pair)), Some(typed));
        for wrong in ["tidewire_typed=", "tidewire_typed=zz.", "tidewire_typed=a.b", "x=1"] {
            assert_eq!(cookies.typed(&headers(wrong)), None, "{wrong}");
        }
    }
}
