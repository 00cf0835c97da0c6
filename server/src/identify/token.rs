//! JSON Web Tokens: who their holder is and all that they may do, signed with the server's secret.

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, errors::ErrorKind,
};
use serde::{Deserialize, Serialize};
use tidewire::{
    LiveError,
    server::{Identity, Permissions, unix_ms},
};

use super::{hs256, refused};

/// Whom a token is meant for, where it says so.
const AUDIENCE: &str = "tidewire";
/// How far ahead the clock of who makes tokens may be, in seconds.
const LEEWAY: u64 = 5;
/// The longest token that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;
/// The longest name or id in one, in characters.
const LONGEST_NAME: usize = 64;

/// Reads and makes tokens.
pub struct Tokens {
    decoding: DecodingKey,
    encoding: EncodingKey,
    validation: Validation,
}

/// What a token says. Others of its claims are not looked at, beyond `nbf` and `aud`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The user's id, 1 to 64 characters.
    pub sub: String,
    /// What they may do, and nothing else, such as `read:chat:*`.
    pub permissions: Vec<String>,
    /// Until when, in seconds after 1970.
    pub exp: f64,
    /// What others call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The token's own id, by which its connections can be ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
}

impl Tokens {
    /// Tokens that are signed with this secret.
    pub fn new(secret: &[u8]) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "sub"]);
        validation.set_audience(&[AUDIENCE]);
        let (decoding, encoding) =
            (DecodingKey::from_secret(secret), EncodingKey::from_secret(secret));
        Self { decoding, encoding, validation }
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// `authentication_required` with the reason when it does not hold.
    pub fn read(&self, token: &str) -> Result<Identity, LiveError> {
        if token.len() > LONGEST {
            return Err(refused("the token is too long"));
        }
        let decoded = decode::<Claims>(token, &self.decoding, &self.validation);
        let Claims { sub, permissions, exp, name, jti } =
            decoded.map_err(|error| refused(reason(error.kind())))?.claims;
        let expires_ms = (exp * 1_000.0) as u64;
        // The leeway is for clocks that are ahead when a token begins; its end is its end.
        if expires_ms <= unix_ms() {
            return Err(refused(reason(&ErrorKind::ExpiredSignature)));
        }
        for text in [Some(&sub), name.as_ref(), jti.as_ref()].into_iter().flatten() {
            if !is_name(text) {
                return Err(refused("sub, name and jti of a token have 1 to 64 characters"));
            }
        }
        let texts = permissions.iter().map(String::as_str);
        let permissions =
            Permissions::parse(texts).map_err(|invalid| refused(invalid.to_string()))?;
        let who = Identity::user(sub).limited_to(permissions).until(expires_ms);
        let who = if let Some(name) = name { who.named(name) } else { who };
        Ok(if let Some(jti) = jti { who.by(jti) } else { who })
    }

    /// A token that says so.
    ///
    /// # Panics
    /// Never: claims can be written as JSON, and HS256 takes any secret.
    pub fn sign(&self, claims: &Claims) -> String {
        encode(&Header::new(Algorithm::HS256), claims, &self.encoding).expect("plain data")
    }
}

/// Why a token does not hold. What is said of its claims is said only to those who can sign one.
fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidAudience => "the token is meant for somebody else",
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) => {
            "a token has the claims sub, permissions (a list of texts) and exp"
        }
        _ => "the token does not hold: it has to be signed by HS256 with this server's secret",
    }
}

fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=LONGEST_NAME).contains(&length) && !text.chars().any(char::is_control)
}
