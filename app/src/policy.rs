//! Who may do what on which channel: the application's rules in one place.

use tidewire::{
    LiveError,
    reactive::Typing,
    server::{Access, Identity, Rules, rules::everybody},
};

use crate::{accounts::shown_name, notes::Note, products, shell::Visitor, todos::Todo};

/// What every page and program may do without a permission of its own. Channels that are not named are
/// nobody's, and who is connected from where is seen by permission alone. Your product's rules take the
/// place of these.
pub fn rules() -> Rules {
    Rules::new()
        .resource::<Todo>(Access::everybody())
        .resource::<products::Product>(Access::everybody())
        .query::<products::Worth>(Access::everybody())
        // The rows say who sees which of them.
        .resource::<Note>(Access::nobody().read(everybody))
        // Who is on a page.
        .channel("page", Access::nobody().read(everybody).join(everybody))
        .messages::<Typing>(Access::everybody())
        // Rooms for whoever meets there.
        .channel("room", Access::everybody())
        // What belongs to one visitor, guest or user.
        .channel("user", Access::own())
        .revalidate("account", Access::everybody())
}

/// Whoever is on a page is there as themselves, whatever their page says.
pub fn present_as_oneself(who: &Identity, visitor: &mut Visitor) -> Result<(), LiveError> {
    visitor.name = shown_name(who);
    Ok(())
}

/// Whoever writes does so as themselves, whatever their page says.
pub fn typing_as_oneself(who: &Identity, typing: &mut Typing) -> Result<(), LiveError> {
    typing.user = who.id().to_string();
    typing.name = shown_name(who);
    Ok(())
}
