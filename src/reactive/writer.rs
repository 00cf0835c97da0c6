//! One kind of write to a live list: sent by a form, shown at once, rolled back with a reason.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    Fields, LiveList,
    answer::Answer,
    platform::{self, Queue, Request},
};
use crate::{
    client::rows::{Optimistic, WriteId},
    contract::{Live, Refusal, Written},
};

/// A way to write to a list. Made by [`LiveList::writer`], used by [`super::LiveForm`].
pub struct Writer<T: Live> {
    url: &'static str,
    list: LiveList<T>,
    show: StoredValue<Show<T>>,
    failure: RwSignal<Option<Failure<T>>>,
    waiting: RwSignal<usize>,
    queue: Queue,
}

type Show<T> = Box<dyn Fn(&Fields) -> Option<Optimistic<T>> + Send + Sync>;

/// A write that did not happen.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure<T> {
    /// Why.
    pub refusal: Refusal<T>,
    /// What was sent, so that nothing typed is lost.
    pub fields: Fields,
}

impl<T: Live> LiveList<T> {
    /// A way to write to this list by the server function `S`. `show` makes from the form's fields
    /// what is shown until the server has answered; `None` shows nothing.
    pub fn writer<S>(
        &self,
        show: impl Fn(&Fields) -> Option<Optimistic<T>> + Send + Sync + 'static,
    ) -> Writer<T>
    where
        S: ServerFn<Output = Written<T>, Error = Refusal<T>>,
    {
        Writer {
            url: S::PATH,
            list: *self,
            show: StoredValue::new(Box::new(show)),
            failure: RwSignal::new(None),
            waiting: RwSignal::new(0),
            queue: Queue::new(),
        }
    }
}

impl<T: Live> Writer<T> {
    /// The server function's address, for a form's `action`.
    pub fn url(&self) -> &'static str {
        self.url
    }

    /// What went wrong with the newest write, if it did. A signal.
    pub fn failure(&self) -> Option<Failure<T>> {
        self.failure.get()
    }

    /// A sentence about what went wrong. A signal.
    pub fn reason(&self) -> Option<String> {
        self.failure.with(|failure| failure.as_ref().map(|failure| failure.refusal.reason()))
    }

    /// The row that stands in the database, after a conflict. A signal.
    pub fn conflict(&self) -> Option<T> {
        self.failure.with(|failure| match failure {
            Some(Failure { refusal: Refusal::Conflict { current }, .. }) => Some(current.clone()),
            _ => None,
        })
    }

    /// Forgets the failure.
    pub fn dismiss(&self) {
        _ = self.failure.try_set(None);
    }

    /// Whether an answer is awaited. A signal.
    pub fn waiting(&self) -> bool {
        self.waiting.get() > 0
    }

    /// Shows the write, sends it, and keeps it or takes it back. `done` learns whether it was kept.
    pub fn send(self, fields: Fields, done: Box<dyn FnOnce(bool)>) {
        let Some(shown) = self.show.try_with_value(|show| show(&fields)) else { return };
        let write = shown.and_then(|shown| self.list.begin(shown));
        self.dismiss();
        _ = self.waiting.try_update(|waiting| *waiting += 1);
        let sent = fields.clone();
        let answered = move |answer: Answer| {
            _ = self.waiting.try_update(|waiting| *waiting -= 1);
            done(self.finish(write, sent, answer.read()));
            if let Some(next) = self.queue.pop() {
                next();
            }
        };
        let send: Request = Box::new(move || platform::send(self.url, fields, Box::new(answered)));
        // One after the other: requests of their own could overtake each other, and the last click counts.
        if self.waiting.get_untracked() > 1 {
            self.queue.push(send);
        } else {
            send();
        }
    }

    fn finish(
        &self,
        write: Option<WriteId>,
        fields: Fields,
        answer: Result<Written<T>, Refusal<T>>,
    ) -> bool {
        match (answer, write) {
            (Ok(Written { position, row }), Some(write)) => self.list.settle(write, position, row),
            (Ok(_), None) => {}
            (Err(refusal), write) => {
                if let Some(write) = write {
                    self.list.roll_back(write);
                }
                _ = self.failure.try_set(Some(Failure { refusal, fields }));
                return false;
            }
        }
        true
    }
}

impl<T: Live> Clone for Writer<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Live> Copy for Writer<T> {}
