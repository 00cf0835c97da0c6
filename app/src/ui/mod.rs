//! Small components every page uses. Their looks are in `style/`, one class each; variants are data attributes.
//!
//! say: [`Badge`] [`Notice`] [`Empty`] [`Skeleton`] [`Code`] [`Moment`] · ask: [`Button`] [`ButtonLink`] [`Field`]
//! [`SegmentLinks`] · hold: [`Card`] · draw: [`Glyph`] with an [`Icon`]
//!
//! An extra attribute or listener is written on the component itself (`attr:id="x"`, `on:click=…`, `{..}`) and lands on its
//! root element. Extra classes go into the `class` prop (`attr:class` would replace the component's own).

mod badge;
mod button;
mod card;
mod code;
mod empty;
mod field;
mod icon;
mod moment;
mod notice;
mod segmented;
mod skeleton;

pub use badge::Badge;
pub use button::{Button, ButtonLink, Size, Variant};
pub use card::Card;
pub use code::{COPY_SCRIPT, Code};
pub use empty::Empty;
pub use field::Field;
pub use icon::{Glyph, Icon};
pub use moment::Moment;
pub use notice::Notice;
pub use segmented::{SegmentLink, SegmentLinks};
pub use skeleton::Skeleton;

use std::borrow::Cow;

/// The colour of a meaning, shared by [`Badge`] and [`Notice`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Neutral,
    Accent,
    Info,
    Success,
    Warning,
    Danger,
}

impl Tone {
    /// The value of the `data-tone` attribute.
    pub fn name(self) -> &'static str {
        match self {
            Tone::Neutral => "neutral",
            Tone::Accent => "accent",
            Tone::Info => "info",
            Tone::Success => "success",
            Tone::Warning => "warning",
            Tone::Danger => "danger",
        }
    }
}

/// A component's own class and the caller's, in one attribute.
pub(crate) fn with_class(own: &'static str, extra: &'static str) -> Cow<'static, str> {
    if extra.is_empty() { Cow::Borrowed(own) } else { Cow::Owned([own, " ", extra].concat()) }
}
