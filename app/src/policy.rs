//! Who may do what on which channel.

use async_trait::async_trait;
use tidewire::{
    ChannelName, ErrorCode, LiveError,
    reactive::Typing,
    server::{Action, Identity, Policy, identity::Kind},
};

/// The longest name that is shown, in characters.
const LONGEST_NAME: usize = 40;

/// The demo's rules: everybody sees and joins everything, and talks on the channels that are not the
/// database's; only other servers see who is connected from where. Your product's rules take the place of
/// these.
pub struct Rules;

#[async_trait]
impl Policy for Rules {
    async fn allows(&self, who: &Identity, action: Action, _: &ChannelName) -> bool {
        match action {
            Action::Read | Action::Write | Action::Join | Action::SeeUsers => true,
            Action::Inspect => who.kind() == Kind::Service,
        }
    }
}

/// Whoever writes does so as themselves, whatever their page says.
pub fn typing_as_oneself(who: &Identity, typing: &mut Typing) -> Result<(), LiveError> {
    if typing.name.chars().count() > LONGEST_NAME {
        let text = format!("a name has at most {LONGEST_NAME} characters");
        return Err(LiveError::new(ErrorCode::InvalidPayload, text));
    }
    typing.user = who.id().to_string();
    Ok(())
}
