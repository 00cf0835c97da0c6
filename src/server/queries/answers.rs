//! What a runner knows and whom it owes an answer. Pure.
//!
//! **Why nobody is left with an old answer.** A client comes with `since`, and what it shows covers every
//! change up to there. That is so where the page was rendered, because value and position are of one read.
//! It stays so when heartbeats move its position, because no heartbeat names a position while an answer to
//! a change before it is still to come ([`Answers::is_behind`] is looked at under the hub's lock, under
//! which changes are published): whoever holds a later position got the answer before it, in order. And it
//! is so for who never had an answer, because the position of its `ack` is the log's very beginning,
//! with which it comes back.
//!
//! The newest answer was read at `read_at`. If `since` is before that, the client gets it: it may know it
//! already, which does no harm. Otherwise the client knows at least as much as the newest answer, and
//! perhaps more, so that this one could set it back. It is *owed* the next one, even if that is equal to
//! the newest: the runner may never have seen what the client shows. If there is no next one, no change
//! came after `since`, and what the client shows is true. A change after `since` makes a next one, because
//! it comes after `read_at`, too: either it was published before the client came, then the next reading is
//! wanted or under way, or it will be. A reading that was under way when the client came, and is of before
//! `since`, is not for it: it stays owed.
//!
//! When nothing could be read, who shows something goes on showing it, and everybody is owed as before: only
//! who has nothing is told why, and comes back with nothing if it is cut off before the answer.
//!
//! A runner without an answer was begun by this client or by others of its kind. It asks at once unless
//! the tables are known to be unchanged since `since` ("quiet"); then what the client shows is true, and
//! the first answer, after the next change, is new to everybody.

/// What a runner knows.
#[derive(Debug, Default)]
pub struct Answers {
    newest: Option<Newest>,
    /// Something has changed, or somebody has nothing yet: ask.
    wanted: bool,
    /// Somebody has nothing yet, so there is no time to wait for more changes.
    urgent: bool,
    running: bool,
}

#[derive(Debug)]
struct Newest {
    payload: Box<str>,
    read_at: u64,
}

/// What somebody who comes is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// The newest answer, now.
    Newest,
    /// The next answer, whatever it is.
    Next,
}

impl Answers {
    /// A table has changed.
    pub fn changed(&mut self) {
        self.wanted = true;
    }

    /// Somebody comes whose state stands at `since`; `quiet` says that the tables are known to be
    /// unchanged since then.
    pub fn greet(&mut self, since: Option<u64>, quiet: bool) -> Greeting {
        match &self.newest {
            Some(newest) if since.is_none_or(|since| since < newest.read_at) => Greeting::Newest,
            Some(_) => Greeting::Next,
            None => {
                // The answer that is being read will do: what changes meanwhile is wanted already.
                if !self.running && (!quiet || since.is_none()) {
                    self.wanted = true;
                    self.urgent = true;
                }
                Greeting::Next
            }
        }
    }

    /// Whether it is time to ask.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether to ask without waiting for more changes.
    pub fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// Begins to ask; what changes from now on is not part of the answer.
    pub fn begin(&mut self) {
        self.wanted = false;
        self.urgent = false;
        self.running = true;
    }

    /// The answer is there, read at this offset of the log; says whether it is another than before.
    pub fn finish(&mut self, payload: &str, read_at: u64) -> bool {
        self.running = false;
        match &mut self.newest {
            Some(newest) if *newest.payload == *payload => {
                newest.read_at = read_at;
                false
            }
            newest => {
                *newest = Some(Newest { payload: payload.into(), read_at });
                true
            }
        }
    }

    /// Nothing could be read: what was asked for is still to come.
    pub fn fail(&mut self) {
        self.running = false;
        // In the same step, so that no heartbeat claims the answer that was not given.
        self.wanted = true;
    }

    /// Whether an answer to what has happened so far is still to come.
    pub fn is_behind(&self) -> bool {
        self.wanted || self.running
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(payload: &str, read_at: u64) -> Answers {
        let mut answers = Answers::default();
        answers.greet(None, false);
        answers.begin();
        assert!(answers.finish(payload, read_at));
        answers
    }

    #[test]
    fn the_first_who_comes_makes_it_ask_unless_nothing_can_have_changed() {
        let mut answers = Answers::default();
        assert_eq!(answers.greet(Some(5), true), Greeting::Next);
        assert!(!answers.is_wanted() && !answers.is_behind());
        assert_eq!(answers.greet(Some(5), false), Greeting::Next);
        assert!(answers.is_wanted() && answers.is_urgent() && answers.is_behind());
        let mut answers = Answers::default();
        answers.greet(None, true);
        assert!(answers.is_wanted(), "who has nothing needs something");
    }

    #[test]
    fn spec_sy3_an_unchanged_answer_is_no_news() {
        let mut answers = answered("1", 10);
        answers.changed();
        answers.begin();
        assert!(!answers.finish("1", 11));
        answers.changed();
        answers.begin();
        assert!(answers.finish("2", 12));
    }

    #[test]
    fn spec_sy3_changes_while_it_asks_make_it_ask_once_more() {
        let mut answers = answered("1", 10);
        answers.changed();
        answers.begin();
        answers.changed();
        answers.changed();
        answers.finish("2", 11);
        assert!(answers.is_wanted() && answers.is_behind());
        answers.begin();
        answers.finish("2", 13);
        assert!(!answers.is_wanted() && !answers.is_behind());
    }

    #[test]
    fn who_knows_less_gets_the_newest_answer_and_who_knows_more_waits_for_the_next() {
        let mut answers = answered("1", 10);
        assert_eq!(answers.greet(None, false), Greeting::Newest);
        assert_eq!(answers.greet(Some(9), false), Greeting::Newest);
        assert_eq!(answers.greet(Some(10), false), Greeting::Next);
        assert_eq!(answers.greet(Some(11), false), Greeting::Next);
        assert!(!answers.is_behind(), "nothing has changed, so nothing is asked");
        // An equal answer counts as read anew: who was told before it may know it.
        answers.changed();
        answers.begin();
        answers.finish("1", 12);
        assert_eq!(answers.greet(Some(11), false), Greeting::Newest);
    }

    #[test]
    fn spec_sy3_who_comes_while_it_asks_shares_the_answer() {
        let mut answers = Answers::default();
        answers.greet(None, false);
        answers.begin();
        assert_eq!(answers.greet(None, false), Greeting::Next);
        assert_eq!(answers.greet(Some(1), false), Greeting::Next);
        answers.finish("1", 1);
        assert!(!answers.is_wanted());
    }

    #[test]
    fn nothing_is_settled_before_the_first_answer() {
        let mut answers = Answers::default();
        answers.greet(None, false);
        assert!(answers.is_behind());
        answers.begin();
        assert!(answers.is_behind());
        answers.finish("1", 1);
        assert!(!answers.is_behind());
    }

    #[test]
    fn spec_sy3_what_could_not_be_read_is_still_to_come() {
        let mut answers = answered("1", 10);
        answers.changed();
        answers.begin();
        answers.fail();
        assert!(answers.is_wanted() && answers.is_behind());
        assert_eq!(answers.greet(Some(10), false), Greeting::Next);
        assert_eq!(answers.greet(None, false), Greeting::Newest, "it holds until there is another");
        answers.begin();
        assert!(!answers.finish("1", 11));
        assert!(!answers.is_behind());
    }
}
