//! Who this page is for, as the page shows it.

use leptos::prelude::*;
use tidewire::reactive::{shared, use_connection};

/// This page's visitor. It is the same for as long as the page is open: signing in or out loads another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Me {
    /// The id that others see; none where the server does not know.
    pub id: Option<String>,
    /// The account's name; a guest has none.
    pub account: Option<String>,
}

/// Provides who the page is for. Call it below `provide_live`.
pub fn provide_me() {
    let account = shared("account", account);
    provide_context(Me { id: use_connection().me(), account });
}

/// Who this page is for.
pub fn use_me() -> Me {
    use_context().unwrap_or_default()
}

impl Me {
    /// What others call this page's visitor.
    pub fn name(&self) -> String {
        let guest = || self.id.as_deref().map_or_else(|| "Guest".into(), guest_name);
        self.account.clone().unwrap_or_else(guest)
    }
}

/// What a guest is called, by the beginning of their id.
pub fn guest_name(id: &str) -> String {
    ["Guest ", id.get(..4).unwrap_or(id)].concat()
}

fn account() -> Option<String> {
    #[cfg(not(target_arch = "wasm32"))]
    {
        let visitor = use_context::<tidewire::server::Identity>()?;
        visitor.signed_in().map(|_| super::shown_name(&visitor))
    }
    #[cfg(target_arch = "wasm32")]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_called_by_the_beginning_of_their_id() {
        assert_eq!(guest_name("4f2a00112233"), "Guest 4f2a");
        assert_eq!(guest_name("x"), "Guest x");
        let id = Some("4f2a00".to_owned());
        assert_eq!(Me { id: id.clone(), account: None }.name(), "Guest 4f2a");
        assert_eq!(Me { id, account: Some("Ann".into()) }.name(), "Ann");
        assert_eq!(Me::default().name(), "Guest");
    }
}
