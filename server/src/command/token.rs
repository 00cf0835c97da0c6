//! `server token`.

use clap::{Args, value_parser};
use tidewire::server::{Permission, unix_ms};

use super::CommandError;
use crate::{
    Config,
    identify::{Claims, Tokens},
};

/// What the token says.
#[derive(Clone, Args)]
pub struct TokenArgs {
    /// The user's id, 1 to 64 characters.
    #[arg(long)]
    user: String,
    /// What others call them.
    #[arg(long)]
    name: Option<String>,
    /// How long it holds (minutes).
    #[arg(long, default_value_t = 60, value_parser = value_parser!(u32).range(1..))]
    minutes: u32,
    /// All that its holder may do: read:, write: or inspect: and a channel's name, in which a segment may be *.
    #[arg(required = true, value_name = "PERMISSION")]
    permissions: Vec<Permission>,
}

impl TokenArgs {
    pub(super) fn print(self, config: &Config) -> Result<(), CommandError> {
        let secret = config.token_secret.as_ref().filter(|secret| !secret.is_empty());
        let missing = || "TIDEWIRE_TOKEN_SECRET is not set: there is nothing to sign with".into();
        let tokens =
            Tokens::new(secret.ok_or_else(|| CommandError::Asked(missing()))?.expose().as_bytes());
        let Self { user, name, minutes, permissions } = self;
        let permissions = permissions.iter().map(ToString::to_string).collect();
        let exp = unix_ms() / 1_000 + u64::from(minutes) * 60;
        let claims = Claims { sub: user, permissions, exp: exp as f64, name, jti: None };
        let token = tokens.sign(&claims);
        // Not one that the server would refuse.
        tokens.read(&token).map_err(|error| CommandError::Asked(error.message))?;
        println!("{token}");
        Ok(())
    }
}
