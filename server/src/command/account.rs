//! `server account permit | forbid`.

use app::accounts::permit;
use clap::Subcommand;
use tidewire::server::{Database, Permission};

use super::CommandError;

/// What is done with an account.
#[derive(Clone, Subcommand)]
pub enum AccountCommand {
    /// Lets somebody do more than the application's rules say.
    Permit(AccountArgs),
    /// Takes such permissions away. Their connections end, and come back without.
    Forbid(AccountArgs),
}

/// Whose account, and which permissions.
#[derive(Clone, clap::Args)]
pub struct AccountArgs {
    /// What they sign in with.
    login: String,
    /// read:, write: or inspect: and a channel's name, in which a segment may be *.
    #[arg(required = true, value_name = "PERMISSION")]
    permissions: Vec<Permission>,
}

impl AccountCommand {
    pub(super) async fn run(self, database: &Database) -> Result<(), CommandError> {
        let (AccountArgs { login, permissions }, given) = match self {
            Self::Permit(arguments) => (arguments, true),
            Self::Forbid(arguments) => (arguments, false),
        };
        let now = permit(database, &login, &permissions, given).await?;
        let texts: Vec<_> = now.iter().map(ToString::to_string).collect();
        println!(
            "{login} may: {}",
            if texts.is_empty() { "nothing more".into() } else { texts.join(" ") }
        );
        Ok(())
    }
}
