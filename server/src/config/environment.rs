//! Whether strangers reach this server, and what then has to hold before it starts.

use clap::ValueEnum;

use super::{Config, Secret};

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Environment {
    /// Strangers reach it, over TLS.
    Production,
    /// The machine of whoever works on it.
    Development,
}

impl Config {
    /// Whether strangers reach this server.
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }

    /// The settings as the server goes by them: checked, and completed by what follows from others. In
    /// production cookies are for TLS alone; in development a token's secret that is missing is a random
    /// one, so that tokens end with the process.
    ///
    /// # Errors
    /// A sentence with the names of settings that contradict each other, or of a secret that production
    /// cannot do with, and how to make one.
    pub(crate) fn settled(mut self) -> Result<Self, String> {
        self.limit_args.check()?;
        for secret in [&mut self.token_secret, &mut self.broadcast_key] {
            secret.take_if(|secret| secret.is_empty());
        }
        if self.is_production() {
            self.secure_cookies = true;
            let token = self.token_secret.as_ref();
            strong(
                "TIDEWIRE_TOKEN_SECRET",
                token.ok_or_else(|| complaint("TIDEWIRE_TOKEN_SECRET", "is missing"))?,
            )?;
            // Without this one nobody can use it, which is safe.
            if let Some(key) = &self.broadcast_key {
                strong("TIDEWIRE_BROADCAST_KEY", key)?;
            }
        } else if self.token_secret.is_none() {
            tracing::info!("no TIDEWIRE_TOKEN_SECRET: tokens hold until this process ends");
            self.token_secret = Some(Secret::random());
        }
        Ok(self)
    }
}

fn strong(name: &str, secret: &Secret) -> Result<(), String> {
    secret.weakness().map_or(Ok(()), |weakness| Err(complaint(name, weakness)))
}

/// Without the secret, weak as it is.
fn complaint(name: &str, what: &str) -> String {
    format!(
        "{name} {what}, and TIDEWIRE_ENV is production: make one with `openssl rand -hex 32`, keep it \
         where only the server reads it, and give the same one to every server of the site"
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const STRONG: &str = "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184";

    fn settled(arguments: &[&str]) -> Result<Config, String> {
        let line = ["server"].iter().chain(arguments);
        Config::try_parse_from(line).map_err(|error| error.to_string())?.settled()
    }

    #[test]
    fn spec_bq9_production_does_not_start_without_secrets_of_its_own() {
        for (arguments, name, what) in [
            (vec![], "TIDEWIRE_TOKEN_SECRET", "missing"),
            (vec!["--token-secret", ""], "TIDEWIRE_TOKEN_SECRET", "missing"),
            (vec!["--token-secret", "hunter2"], "TIDEWIRE_TOKEN_SECRET", "shorter than 32"),
            (
                vec!["--token-secret", STRONG, "--broadcast-key", "hunter2"],
                "TIDEWIRE_BROADCAST_KEY",
                "shorter than 32",
            ),
        ] {
            let mut line = vec!["--env", "production"];
            line.extend(arguments);
            let why = settled(&line).unwrap_err();
            for part in [name, what, "openssl rand -hex 32"] {
                assert!(why.contains(part), "{part}: {why}");
            }
            assert!(!why.contains("hunter2"), "{why}");
        }
        let config = settled(&["--env", "production", "--token-secret", STRONG]).unwrap();
        assert_eq!(config.token_secret.unwrap().expose(), STRONG);
        assert!(config.secure_cookies && config.broadcast_key.is_none());
    }

    #[test]
    fn spec_bq9_development_needs_no_secrets_and_has_none_that_is_known() {
        let (one, two) = (settled(&[]).unwrap(), settled(&["--token-secret", ""]).unwrap());
        assert!(!one.is_production() && !one.secure_cookies);
        let (one, two) = (one.token_secret.unwrap(), two.token_secret.unwrap());
        assert_eq!(one.weakness(), None);
        assert_ne!(one.expose(), two.expose());
        let given = settled(&["--token-secret", "short", "--secure-cookies"]).unwrap();
        assert_eq!(given.token_secret.unwrap().expose(), "short");
        assert!(given.secure_cookies);
        assert!(settled(&["--env", "staging"]).is_err());
    }
}
