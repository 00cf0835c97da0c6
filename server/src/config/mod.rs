//! Everything that can be set, by environment or argument; `server --help` is the reference, and
//! `docs/operating.md` says what the numbers mean.

mod accounts;
mod environment;
mod limits;
mod secret;
mod values;

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgAction, Parser, value_parser};
use ipnet::IpNet;
use tidewire::contract::Limits;

pub use accounts::AccountArgs;
pub use environment::Environment;
pub use limits::LimitArgs;
pub use secret::Secret;
use values::{network, on_or_off, origin, path};

/// The Tidewire server. Its `Debug` shows no secret, as [`Secret`]'s does not.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// Whether strangers reach the server. In production it wants secrets of its own before it starts, its
    /// cookies are for TLS alone, and browsers are told to come by TLS.
    #[arg(long = "env", env = "TIDEWIRE_ENV", default_value = "development", value_enum)]
    pub environment: Environment,
    /// Where to listen; port 0 takes a free one, which is printed.
    #[arg(long, env = "LEPTOS_SITE_ADDR", default_value = "127.0.0.1:3000")]
    pub address: SocketAddr,
    /// The database, `sqlite://path`; folder and file are made when they are missing.
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "sqlite://data/tidewire.db",
        hide_env_values = true
    )]
    pub database_url: Secret,
    /// The folder of the built site.
    #[arg(long, env = "LEPTOS_SITE_ROOT", default_value = "target/site")]
    pub site_root: PathBuf,
    /// Which resources broadcast, separated by commas; none named means all. The `table:` channels of the
    /// others stay as they were switched.
    #[arg(long, env = "TIDEWIRE_RESOURCES", value_delimiter = ',')]
    pub resources: Vec<String>,
    /// Whether pages are live; off, they work and say that they are not.
    #[arg(long, env = "TIDEWIRE_REALTIME", default_value = "on", value_parser = on_or_off, action = ArgAction::Set, value_name = "on|off")]
    pub realtime: bool,
    /// Whether it is known who is in which channel.
    #[arg(long, env = "TIDEWIRE_PRESENCE", default_value = "on", value_parser = on_or_off, action = ArgAction::Set, value_name = "on|off")]
    pub presence: bool,
    /// Where pages connect.
    #[arg(long, env = "TIDEWIRE_REALTIME_PATH", default_value = "/realtime", value_parser = path)]
    pub realtime_path: String,
    /// The proxies in front of the server, addresses or networks such as 10.0.0.0/8, separated by commas:
    /// what they say of their clients' addresses in `X-Forwarded-For` is believed.
    #[arg(long, env = "TIDEWIRE_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// A key for one other server, which may write every channel and see all numbers: `server key add` makes
    /// such that may do less.
    #[arg(long, env = "TIDEWIRE_BROADCAST_KEY", hide_env_values = true)]
    pub broadcast_key: Option<Secret>,
    /// What tokens (JWT, HS256) are signed with: at least 32 characters, from `openssl rand -hex 32`. In production it
    /// has to be set; otherwise it is a random one, and tokens end with the process.
    #[arg(long, env = "TIDEWIRE_TOKEN_SECRET", hide_env_values = true)]
    pub token_secret: Option<Secret>,
    /// Further sites whose pages may connect and post, such as https://app.example.com, separated by commas;
    /// those of the site itself always may.
    #[arg(long, env = "TIDEWIRE_ALLOWED_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<String>,
    /// The site is served over TLS: browsers send its cookies over nothing else. Follows from production.
    #[arg(long, env = "TIDEWIRE_SECURE_COOKIES", action = ArgAction::SetTrue)]
    pub secure_cookies: bool,
    /// How many seconds a client may take to send the head of a request.
    #[arg(long, env = "TIDEWIRE_HEADER_SECONDS", default_value_t = 15, value_parser = value_parser!(u64).range(1..=3_600))]
    pub header_seconds: u64,
    /// Writes log lines as JSON.
    #[arg(long, env = "TIDEWIRE_LOG_JSON", action = ArgAction::SetTrue)]
    pub log_json: bool,
    /// What is allowed and kept.
    #[command(flatten)]
    pub limit_args: LimitArgs,
    /// How often somebody may try to sign in.
    #[command(flatten)]
    pub account_args: AccountArgs,
}

impl Config {
    /// The limits that these settings ask for.
    pub fn limits(&self) -> Limits {
        self.limit_args.limits()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/operating.md");

    /// The first three cells of each row between the marks of a table.
    fn rows(table: &str) -> BTreeMap<String, (String, String)> {
        let (begin, end) = (format!("<!-- {table}:begin -->"), format!("<!-- {table}:end -->"));
        let (_, rest) = DOCUMENT.split_once(&begin).expect("the table begins");
        let (rows, _) = rest.split_once(&end).expect("the table ends");
        let rows = rows.lines().filter(|row| row.starts_with("| `"));
        let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
        cells.map(|c| (c[1].trim_matches('`').into(), (c[2].into(), c[3].into()))).collect()
    }

    #[test]
    fn spec_sy7_what_is_not_set_is_as_the_library_has_it() {
        let config = Config::parse_from(["server"]);
        assert_eq!(config.limits(), Limits::default());
        assert_eq!(config.account_args.limits(), app::accounts::AccountLimits::default());
    }

    #[test]
    fn spec_bq8_the_table_of_limits_is_what_the_program_takes() {
        let documented = rows("limits");
        let command = Config::command();
        let coded: BTreeMap<_, _> = command
            .get_arguments()
            .filter(|argument| argument.get_help_heading().is_some())
            .map(|argument| {
                let name = argument.get_env().expect("a variable").to_str().unwrap().to_owned();
                let default = argument.get_default_values().first();
                let default =
                    default.map_or("–".into(), |value| value.to_string_lossy().into_owned());
                let unit = match name.rsplit('_').next().unwrap() {
                    "BYTES" => "bytes",
                    "SECONDS" => "seconds",
                    "MS" => "milliseconds",
                    "HOURS" => "hours",
                    _ => "–",
                };
                (name, (default, unit.to_owned()))
            })
            .collect();
        assert_eq!(documented, coded);
    }

    #[test]
    fn spec_bq8_every_other_setting_is_documented() {
        let documented = rows("settings");
        let command = Config::command();
        let plain = command.get_arguments().filter(|a| a.get_help_heading().is_none());
        let coded: Vec<_> =
            plain.filter_map(|a| a.get_env()?.to_str().map(str::to_owned)).collect();
        assert_eq!(documented.into_keys().collect::<Vec<_>>(), {
            let mut coded = coded;
            coded.sort();
            coded
        });
    }

    #[test]
    fn spec_sy7_numbers_that_contradict_each_other_are_refused() {
        let check = |arguments: &[&str]| {
            let line = ["server"].iter().chain(arguments);
            Config::try_parse_from(line).map_err(|e| e.to_string())?.limit_args.check()
        };
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&["--heartbeat-seconds", "10", "--dead-after-seconds", "20"]), Ok(()));
        let refused = |arguments: &[&str], name: &str| {
            let error = check(arguments).unwrap_err();
            assert!(error.contains(name), "{error}");
        };
        refused(&["--dead-after-seconds", "20"], "TIDEWIRE_DEAD_AFTER_SECONDS");
        refused(&["--heartbeat-seconds", "60"], "TIDEWIRE_PRESENCE_TTL_SECONDS");
        refused(&["--max-frame-bytes", "2048"], "TIDEWIRE_MAX_FRAME_BYTES");
        refused(&["--connections-per-address", "0"], "connections-per-address");
        refused(&["--connects-per-minute", "99999999999"], "connects-per-minute");
        refused(&["--trusted-proxies", "10.0.0.0/8,proxy"], "proxy");
    }

    #[test]
    fn spec_bq9_no_secret_gets_into_a_log() {
        let arguments = [
            "server",
            "--broadcast-key",
            "s3cret",
            "--token-secret",
            "t0ken",
            "--database-url",
            "sqlite://u:passw0rd@x",
        ];
        let shown = format!("{:?}", Config::parse_from(arguments));
        for secret in ["s3cret", "t0ken", "passw0rd"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("/realtime"), "{shown}");
    }
}
