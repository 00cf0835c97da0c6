//! Which rows of a resource somebody may see.

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
pub trait RowPolicy: Live {
    /// Whether `who` may see this row. It is asked for each change and subscriber while nothing else is
    /// handed out, so it must be quick, and it may depend on nothing but the row and what makes two
    /// identities equal: kind, id and permissions.
    fn may_see(&self, who: &Identity) -> bool;
}
