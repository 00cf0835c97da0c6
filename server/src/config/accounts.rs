//! How often somebody may try to sign in or up. `docs/operating.md` has the table.

use std::time::Duration;

use app::accounts::AccountLimits;
use clap::{Args, value_parser};

/// Attempts at accounts.
#[derive(Clone, Debug, Args)]
pub struct AccountArgs {
    /// Attempts of one address in a window to sign in, or to change a password.
    #[arg(long, env = "TIDEWIRE_SIGN_INS_PER_ADDRESS", help_heading = "Accounts", default_value_t = 60, value_parser = value_parser!(u32).range(1..))]
    pub sign_ins_per_address: u32,
    /// Attempts of one address in a window to make an account.
    #[arg(long, env = "TIDEWIRE_SIGN_UPS_PER_ADDRESS", help_heading = "Accounts", default_value_t = 20, value_parser = value_parser!(u32).range(1..))]
    pub sign_ups_per_address: u32,
    /// Attempts in a window at one name to sign in with.
    #[arg(long, env = "TIDEWIRE_ATTEMPTS_PER_NAME", help_heading = "Accounts", default_value_t = 10, value_parser = value_parser!(u32).range(1..))]
    pub attempts_per_name: u32,
    /// The window in which attempts are counted (seconds).
    #[arg(long, env = "TIDEWIRE_SIGN_IN_WINDOW_SECONDS", help_heading = "Accounts", default_value_t = 900, value_parser = value_parser!(u64).range(1..=86_400))]
    pub sign_in_window_seconds: u64,
}

impl AccountArgs {
    /// The limits that these settings ask for.
    pub fn limits(&self) -> AccountLimits {
        AccountLimits {
            sign_ins_per_address: self.sign_ins_per_address,
            sign_ups_per_address: self.sign_ups_per_address,
            attempts_per_name: self.attempts_per_name,
            window: Duration::from_secs(self.sign_in_window_seconds),
        }
    }
}
