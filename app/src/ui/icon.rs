//! Icons: one stroked path each on a grid of 24, drawn in the text's colour.

use leptos::prelude::*;

use super::with_class;

/// What can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    ArrowRight,
    Bolt,
    Check,
    ChevronDown,
    ChevronRight,
    Clock,
    Copy,
    Danger,
    Database,
    Dots,
    External,
    Inbox,
    Info,
    Lock,
    Monitor,
    Moon,
    Offline,
    Pencil,
    Plus,
    Refresh,
    Search,
    Success,
    Sun,
    Trash,
    Undo,
    User,
    Users,
    Warning,
    Waves,
    X,
}

/// An icon beside a text that says the same: hidden from screen readers. 20 px unless a `class` says otherwise.
#[component]
pub fn Glyph(icon: Icon, #[prop(optional)] class: &'static str) -> impl IntoView {
    view! {
        <svg class=with_class("glyph", class) viewBox="0 0 24 24" aria-hidden="true">
            <path d=icon.path()></path>
        </svg>
    }
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Icon::ArrowRight => "M4.5 12h15M13.5 6l6 6-6 6",
            Icon::Bolt => "M13 3L5 13.5h6L10.5 21 19 10.5h-6L13 3z",
            Icon::Check => "M5 12.5l4.5 4.5L19 7.5",
            Icon::ChevronDown => "M6 9.5l6 6 6-6",
            Icon::ChevronRight => "M9.5 6l6 6-6 6",
            Icon::Clock => "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2",
            Icon::Copy => {
                "M10.5 8.5h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-8a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2zM5.5 15.5h-.3\
                 a1.7 1.7 0 0 1-1.7-1.7V5.2a1.7 1.7 0 0 1 1.7-1.7h8.6a1.7 1.7 0 0 1 1.7 1.7v.3"
            }
            Icon::Danger => "M8.5 3.5h7l5 5v7l-5 5h-7l-5-5v-7zM12 8v4.5M12 16h.01",
            Icon::Database => {
                "M4.5 6.5c0-1.7 3.4-3 7.5-3s7.5 1.3 7.5 3-3.4 3-7.5 3-7.5-1.3-7.5-3zv11c0 1.7 3.4 3 7.5 3\
                 s7.5-1.3 7.5-3v-11M4.5 12c0 1.7 3.4 3 7.5 3s7.5-1.3 7.5-3"
            }
            Icon::Dots => "M5 12h.01M12 12h.01M19 12h.01",
            Icon::External => {
                "M14 4.5h5.5V10M19.5 4.5L11 13M17.5 14v4a1.5 1.5 0 0 1-1.5 1.5H6A1.5 1.5 0 0 1 4.5 18V8\
                 A1.5 1.5 0 0 1 6 6.5h4"
            }
            Icon::Inbox => {
                "M3.5 13.5h4.7l1.6 2.5h4.4l1.6-2.5h4.7M6.3 5.3l-2.8 8.2v4A1.5 1.5 0 0 0 5 19h14\
                 a1.5 1.5 0 0 0 1.5-1.5v-4l-2.8-8.2a1.2 1.2 0 0 0-1.1-.8H7.4a1.2 1.2 0 0 0-1.1.8z"
            }
            Icon::Info => "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 11v5M12 8h.01",
            Icon::Lock => {
                "M7 11h10a1.5 1.5 0 0 1 1.5 1.5v6A1.5 1.5 0 0 1 17 20H7a1.5 1.5 0 0 1-1.5-1.5v-6\
                 A1.5 1.5 0 0 1 7 11zM8 11V8a4 4 0 0 1 8 0v3"
            }
            Icon::Monitor => {
                "M5 4.5h14A1.5 1.5 0 0 1 20.5 6v9a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 15V6\
                 A1.5 1.5 0 0 1 5 4.5zM8.5 20h7M12 16.5V20"
            }
            Icon::Moon => "M20 14.2A8.2 8.2 0 1 1 9.8 4a6.6 6.6 0 0 0 10.2 10.2z",
            Icon::Offline => {
                "M4 4l16 16M3 13.5c2-2.7 4.2-3.6 6.4-2.3M14.5 16c2.3 1.3 4.5.4 6.5-2.5"
            }
            Icon::Pencil => {
                "M4 20l.9-4L16.2 4.7a1.8 1.8 0 0 1 2.5 0l.6.6a1.8 1.8 0 0 1 0 2.5L8 19.1 4 20zM14 7l3 3"
            }
            Icon::Plus => "M12 5v14M5 12h14",
            Icon::Refresh => {
                "M4 9.5l1.2-1.7A8 8 0 0 1 19.5 9M4 5v4.5h4.5M20 14.5l-1.2 1.7A8 8 0 0 1 4.5 15M20 19v-4.5h-4.5"
            }
            Icon::Search => "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.3 15.3L20 20",
            Icon::Success => {
                "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM8.3 12.2l2.6 2.6 4.8-5.2"
            }
            Icon::Sun => {
                "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4\
                 M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"
            }
            Icon::Trash => {
                "M4 7h16M9.5 7V5A1.5 1.5 0 0 1 11 3.5h2A1.5 1.5 0 0 1 14.5 5v2M6 7l.8 11.6a2 2 0 0 0 2 1.9h6.4\
                 a2 2 0 0 0 2-1.9L18 7M10 11v5.5M14 11v5.5"
            }
            Icon::Undo => "M8 5L4 9l4 4M4 9h10a5.5 5.5 0 0 1 0 11h-4",
            Icon::User => {
                "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20c.7-3.4 3.6-5 7.5-5s6.8 1.6 7.5 5"
            }
            Icon::Users => {
                "M9 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM2.5 19.5c.6-3.2 3-4.8 6.5-4.8s5.9 1.6 6.5 4.8\
                 M15.5 5.2a3.5 3.5 0 0 1 0 6.6M18 15.2c2 .6 3.2 2 3.6 4.3"
            }
            Icon::Warning => {
                "M11 4.7L3.2 18.4a1.2 1.2 0 0 0 1 1.8h15.6a1.2 1.2 0 0 0 1-1.8L13 4.7a1.2 1.2 0 0 0-2 0z\
                 M12 9.5v4.5M12 17h.01"
            }
            Icon::Waves => "M3 8.5c3-3.6 6-3.6 9 0s6 3.6 9 0M3 15.5c3-3.6 6-3.6 9 0s6 3.6 9 0",
            Icon::X => "M6.5 6.5l11 11M17.5 6.5l-11 11",
        }
    }
}
