//! "Ann is writing…": lossy messages that end by themselves, also when the writer's connection dies.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    connection::{LiveConnection, use_connection},
    timer::{after, now_ms},
};
use crate::{
    client::{
        heard::Heard,
        typists::{Touch, Typists},
    },
    contract::{Channel, Delivery, InvalidChannelName, Message, ResyncReason},
};

/// The message that somebody is writing, on `typing:{rest}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Typing {
    /// Whose writing it is.
    pub user: String,
    /// What to call them.
    pub name: String,
    /// They have stopped; without this they end three seconds after the last word of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
}

impl Message for Typing {
    const PREFIX: &'static str = "typing";
    const DELIVERY: Delivery = Delivery::Lossy;
}

/// Who is writing in one place. Copy it into closures. Ends with the component that made it.
#[derive(Clone, Copy)]
pub struct TypingLine {
    connection: LiveConnection,
    channel: StoredValue<Channel<Typing>>,
    me: StoredValue<Typing>,
    touch: StoredValue<Touch>,
    typists: RwSignal<Typists>,
    /// A timer runs.
    waiting: StoredValue<bool>,
}

/// Follows who is writing on `typing:{rest}`; `name` is what the others call this page's visitor.
///
/// # Errors
/// [`InvalidChannelName`] when `rest` cannot be part of a channel's name.
pub fn use_typing(rest: &str, name: &str) -> Result<TypingLine, InvalidChannelName> {
    let channel = Typing::channel(rest)?;
    let connection = use_connection();
    // Whom the server does not know by a cookie is told apart by chance.
    let user = connection.me().unwrap_or_else(|| fastrand::u64(..).to_string());
    let line = TypingLine {
        connection,
        channel: StoredValue::new(channel.clone()),
        me: StoredValue::new(Typing { user, name: name.into(), stopped: false }),
        touch: StoredValue::default(),
        typists: RwSignal::new(Typists::default()),
        waiting: StoredValue::new(false),
    };
    connection.subscribe_with(&channel, move |heard: Heard<Typing>| match heard {
        Heard::Event(typing) => line.heard(typing),
        Heard::Missed(ResyncReason::Permission) => _ = line.typists.try_set(Typists::default()),
        Heard::Missed(_) | Heard::Refused(_) => {}
    });
    Ok(line)
}

impl TypingLine {
    /// Something was written: the others are told, at most every two seconds.
    pub fn touch(&self) {
        if self.touch.try_update_value(|touch| touch.touch(now_ms())) == Some(true) {
            self.say(false);
        }
    }

    /// Writing has ended: it was sent, or thrown away.
    pub fn stop(&self) {
        if self.touch.try_update_value(Touch::stop) == Some(true) {
            self.say(true);
        }
    }

    /// The names of those who write, without this page's visitor. A signal.
    pub fn users(&self) -> Vec<String> {
        self.typists.with(Typists::names)
    }

    fn say(&self, stopped: bool) {
        let message = Typing { stopped, ..self.me.get_value() };
        self.channel.with_value(|channel| self.connection.broadcast(channel, &message, |_| {}));
    }

    fn heard(&self, typing: Typing) {
        if self.me.try_with_value(|me| me.user == typing.user) != Some(false) {
            return;
        }
        let now = now_ms();
        _ = self.typists.try_update(|typists| {
            if typing.stopped {
                typists.stopped(&typing.user);
            } else {
                typists.heard(typing.user, typing.name, now);
            }
        });
        self.wait();
    }

    /// Comes back when the next entry may end.
    fn wait(&self) {
        let next = self.typists.try_with_untracked(Typists::next_end).flatten();
        let Some(next) = next.filter(|_| self.waiting.try_get_value() == Some(false)) else {
            return;
        };
        self.waiting.set_value(true);
        let line = *self;
        after(next.saturating_sub(now_ms()) + 1, move || {
            line.waiting.try_set_value(false);
            _ = line.typists.try_update(|typists| typists.expire(now_ms()));
            line.wait();
        });
    }
}
