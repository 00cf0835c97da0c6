//! The command line: `server` runs the server, `server key …`, `server account …` and `server token …` do one
//! thing and end.

mod account;
mod key;
mod token;

use app::{accounts::PermitError, keys::KeyError};
use clap::{Parser, Subcommand};
use tidewire::server::{Database, database::DatabaseError};

use crate::Config;
use account::AccountCommand;
use key::KeyCommand;
use token::TokenArgs;

/// The Tidewire server. Without a command it serves.
#[derive(Clone, Parser)]
#[command(name = "server", version)]
pub struct Cli {
    /// How it is set up.
    #[command(flatten)]
    pub config: Config,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program does instead of serving.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Makes, lists and revokes the API keys of other servers.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Gives accounts permissions, and takes them away.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Prints a token for a user, for development and scripts.
    Token(TokenArgs),
}

/// Why a command could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A setting is missing, or there is no such thing.
    #[error("{0}")]
    Asked(String),
    /// The database could not be opened.
    #[error("the database: {0}")]
    Database(#[from] DatabaseError),
    /// The key could not be made or revoked.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The account's permissions could not be changed.
    #[error(transparent)]
    Permit(#[from] PermitError),
}

impl Command {
    /// Does it; what it has to say is printed.
    ///
    /// # Errors
    /// [`CommandError`]: why not.
    pub async fn run(self, config: &Config) -> Result<(), CommandError> {
        match self {
            Self::Key(command) => with_database(config, async |db| command.run(db).await).await,
            Self::Account(command) => with_database(config, async |db| command.run(db).await).await,
            Self::Token(arguments) => arguments.print(config),
        }
    }
}

async fn with_database(
    config: &Config,
    work: impl AsyncFnOnce(&Database) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let database = Database::open(config.database_url.expose()).await?;
    // So that there is a table, whether the server has ever run or not.
    database.migrate(&app::MIGRATIONS).await?;
    let done = work(&database).await;
    database.close().await;
    done
}
