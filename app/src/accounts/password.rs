//! A password on its way from a form to its hash. It does not show itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What somebody has typed as a password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// The text itself.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// So that it gets into no log.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Password;

    #[test]
    fn spec_bq9_a_password_does_not_show_itself() {
        let password: Password = serde_json::from_str("\"correct horse\"").unwrap();
        assert_eq!(password.text(), "correct horse");
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
}
