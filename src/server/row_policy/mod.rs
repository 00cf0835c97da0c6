//! Which rows of a resource somebody may see.
//!
//! `row` reads a logged row as its type → `visibility` says what a change is to somebody who may see its
//! old row, its new row, both or neither. The events of one change share it; see `Event::seen_by`.

mod row;
#[cfg(test)]
mod tests;
mod visibility;

pub(super) use self::{
    row::{ReadRow, Row, guarded, open},
    visibility::Visibility,
};
use super::identity::Identity;
use crate::contract::Live;

/// A resource whose rows are not for everybody who may read its channels; registered by
/// [`Builder::guarded`](super::Builder::guarded).
///
/// ```ignore
/// impl RowPolicy for Note {
///     fn may_see(&self, who: &Identity) -> bool {
///         self.shared || *self.owner == **who.id()
///     }
/// }
/// ```
///
/// What pages load is SQL of the application's own, which has to say the same in its `WHERE`.
pub trait RowPolicy: Live {
    /// Whether `who` may see this row. It is asked for each change and subscriber while nothing else is
    /// handed out, so it must be quick, and it may depend on nothing but the row and what makes two
    /// identities equal: kind, id and permissions. If it panics, the row is not seen.
    fn may_see(&self, who: &Identity) -> bool;
}
