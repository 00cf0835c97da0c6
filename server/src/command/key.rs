//! `server key add | list | revoke`.

use app::keys::{self, ApiKey};
use clap::Subcommand;
use tidewire::server::{Database, Permission};

use super::CommandError;

/// What is done with API keys.
#[derive(Clone, Subcommand)]
pub enum KeyCommand {
    /// Makes a key and prints it, once: nobody can be told it again.
    Add {
        /// Whose it is, 1 to 64 characters.
        name: String,
        /// All that it may do: read:, write: or inspect: and a channel's name, in which a segment may be *.
        #[arg(required = true, value_name = "PERMISSION")]
        permissions: Vec<Permission>,
    },
    /// Lists the keys, without what they consist of.
    List,
    /// Ends a key, and the connections that were opened with it.
    Revoke {
        /// Its id, as the list has it.
        id: String,
    },
}

impl KeyCommand {
    pub(super) async fn run(self, database: &Database) -> Result<(), CommandError> {
        match self {
            Self::Add { name, permissions } => {
                let permissions = permissions.into_iter().collect();
                let (id, secret) = keys::add(database, &name, &permissions).await?;
                eprintln!("the key of {name}, id {id}; it is not shown again:");
                // Alone, so that a script can take it.
                println!("{}", secret.reveal());
            }
            Self::List => {
                for key in keys::list(database).await? {
                    println!("{}", line(&key));
                }
            }
            Self::Revoke { id } => {
                if !keys::revoke(database, &id).await? {
                    let text = format!("there is no key {id} that still holds");
                    return Err(CommandError::Asked(text));
                }
                println!("revoked {id}");
            }
        }
        Ok(())
    }
}

/// Its fields with tabs between them, for people and for `cut`.
fn line(key: &ApiKey) -> String {
    let state = if key.revoked_ms.is_some() { "revoked" } else { "holds" };
    let used = key.used_ms.map_or("never used".into(), |at| format!("used {}", at / 1_000));
    let permissions: Vec<_> = key.permissions.iter().map(ToString::to_string).collect();
    let (id, name, created) = (&key.id, &key.name, key.created_ms / 1_000);
    format!("{id}\t{name}\t{state}\tmade {created}\t{used}\t{}", permissions.join(" "))
}
