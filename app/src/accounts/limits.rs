//! How often somebody may try to sign in or up.

use std::time::Duration;

/// The numbers; each holds for one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountLimits {
    /// Attempts of one address to sign in, or to change a password.
    pub sign_ins_per_address: u32,
    /// Attempts of one address to make an account.
    pub sign_ups_per_address: u32,
    /// Attempts at one name to sign in with, wherever they come from.
    pub attempts_per_name: u32,
    /// The window in which attempts are counted.
    pub window: Duration,
}

impl Default for AccountLimits {
    fn default() -> Self {
        Self {
            sign_ins_per_address: 60,
            sign_ups_per_address: 20,
            attempts_per_name: 10,
            window: Duration::from_secs(900),
        }
    }
}
