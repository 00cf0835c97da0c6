//! Accounts: who a visitor is. Guests by a cookie, users by a session that a password has opened.
//!
//! `forms` are the server functions; `enter`, `leave` and `password_change` do what they say, over `users` and
//! `sessions`; `passwords` hashes, `token` and `cookies` are what a browser keeps, `adopt` takes along
//! what a guest had, `permissions` are those that single accounts have. `pages` shows it all.

#[cfg(not(target_arch = "wasm32"))]
mod adopt;
#[cfg(not(target_arch = "wasm32"))]
mod agent;
#[cfg(not(target_arch = "wasm32"))]
mod context;
#[cfg(not(target_arch = "wasm32"))]
mod cookies;
#[cfg(not(target_arch = "wasm32"))]
mod enter;
pub mod forms;
#[cfg(not(target_arch = "wasm32"))]
mod leave;
#[cfg(not(target_arch = "wasm32"))]
mod limits;
mod me;
mod pages;
mod password;
#[cfg(not(target_arch = "wasm32"))]
mod password_change;
#[cfg(not(target_arch = "wasm32"))]
mod passwords;
#[cfg(not(target_arch = "wasm32"))]
mod permissions;
#[cfg(not(target_arch = "wasm32"))]
mod place;
#[cfg(not(target_arch = "wasm32"))]
pub mod sessions;
#[cfg(not(target_arch = "wasm32"))]
mod token;
#[cfg(not(target_arch = "wasm32"))]
mod users;

pub use me::{Me, guest_name, provide_me, use_me};
pub use pages::{AccountPage, SignInPage, SignUpPage, UserMenu};
pub use password::Password;

#[cfg(not(target_arch = "wasm32"))]
pub use {
    context::{Accounts, ClientAddress, shown_name, signed_in, visitor},
    cookies::{Cookies, guest},
    limits::AccountLimits,
    permissions::{PermitError, permit},
    token::Token,
};

/// The longest name that others are shown, in characters.
pub const MAX_NAME: u32 = 40;
/// The longest name to sign in with, in characters: long enough for an e-mail address.
pub const MAX_LOGIN: u32 = 120;
/// The shortest password, in characters.
pub const MIN_PASSWORD: u32 = 10;
/// The longest password, in characters.
pub const MAX_PASSWORD: u32 = 200;
