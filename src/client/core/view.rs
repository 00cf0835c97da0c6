//! What the client may see: when that becomes something else, it forgets.

use super::ClientCore;

impl ClientCore {
    /// How often what the client may see has become another: what was asked for before may be what it must
    /// not show any more.
    pub fn views(&self) -> u32 {
        self.views
    }

    /// The server has said what the client may see. If that is something else than before, nothing that it
    /// has seen counts any more; whoever knows nothing yet just learns it.
    pub(super) fn sees(&mut self, view: Option<String>) {
        if view.is_none() || view == self.view {
            return;
        }
        if std::mem::replace(&mut self.view, view).is_some() {
            self.views += 1;
            self.subscriptions.forget(&mut self.events);
            self.presences.forget(&mut self.events);
        }
    }
}
