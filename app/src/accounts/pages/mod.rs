//! What accounts look like: signing in and up, the account itself, the menu in the header.

mod account;
mod entry;
mod menu;
mod password_form;
mod session_list;
mod sign_in;
mod sign_up;

pub use account::AccountPage;
pub use menu::UserMenu;
pub use sign_in::SignInPage;
pub use sign_up::SignUpPage;
