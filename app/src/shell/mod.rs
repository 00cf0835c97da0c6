//! The frame around every page: [`Layout`] with header, navigation and footer, [`PageHead`] at the top of each page, the
//! colour theme, the connection monitor, and [`FrameStrip`] at the bottom. What goes into `<head>` comes from [`head`].

mod drawer;
mod layout;
mod list_state;
mod logo;
mod monitor;
mod nav;
mod page;
mod presence_bar;
mod problem;
mod strip;
mod theme;
mod typing_line;

pub use drawer::Drawer;
pub use layout::Layout;
pub use list_state::ListState;
pub use logo::Logo;
pub use monitor::{ConnectionBadge, ConnectionNotice};
pub use nav::{NAV, Nav};
pub use page::PageHead;
pub use presence_bar::{PresenceBar, Visitor, visitors};
pub use problem::{Problem, Refused};
pub use strip::FrameStrip;
pub use theme::{THEME_SCRIPT, ThemeToggle, head};
pub use typing_line::TypingLine;
