//! The end of a schedule: everything arrives, and then everybody must show what the table holds.

use super::{edit::Edit, kind::Topic, page::Page, paths::Path, plan::Plan, world::World};
use crate::{client::Input, contract::Live, server::log::ChangeLog};

/// Rounds after which everything must have arrived.
const ROUNDS: usize = 100;

impl<T: Live> World<T> {
    /// Lets everything arrive, writes once more, and compares.
    pub fn finish(&mut self, plan: &Plan) {
        self.wake_pages();
        self.calm();
        if !self.truth.lock().faults.is_empty() {
            return;
        }
        // Whoever has lost its place without a word does not see this.
        let last = [Edit::Put { key: 0, row: 5_000 }, Edit::Put { key: 1, row: 5_001 }];
        self.truth.lock().write(&last, false);
        self.log.wake();
        self.calm();
        // What has no event on a list's channel is learnt of by a heartbeat.
        self.wake_pages();
        self.calm();
        self.compare(plan);
        self.pages.iter_mut().for_each(Page::close);
        self.server.settle();
        let stats = self.server.realtime.stats();
        let empty = stats.connections + stats.channels + stats.subscriptions == 0;
        self.truth.lock().check(empty, || format!("something is left behind: {stats:?}"));
        self.server.stop();
    }

    fn wake_pages(&mut self) {
        for page in &mut self.pages {
            page.wake(self.now);
        }
    }

    fn calm(&mut self) {
        self.log.calm();
        self.log.wake();
        for _ in 0..ROUNDS {
            // What is wrong already is said before somebody waits for what never comes.
            if !self.round() || !self.truth.lock().faults.is_empty() {
                return;
            }
        }
        self.truth.lock().faults.push("something goes on for ever".into());
    }

    /// Lets one of everything happen; says whether something did.
    fn round(&mut self) -> bool {
        self.server.settle();
        let mut busy = !self.loads.is_empty() || !self.writes.is_empty();
        if self.server.known() < self.truth.lock().head() && self.server.known() < self.readable() {
            // The tailer waits before it tries again.
            busy = true;
            self.advance(1, true);
        }
        while !self.loads.is_empty() {
            self.arrive(0);
        }
        while !self.writes.is_empty() {
            self.execute(0);
            self.answer(0, false);
        }
        for index in 0..self.pages.len() {
            let now = self.now;
            let page = &mut self.pages[index];
            page.bury();
            if !page.is_connected() {
                busy = true;
                if !page.is_opening() {
                    page.handle(Input::RetryNow, now);
                }
                self.open(index, 1_000, false);
            }
            if self.pages[index].asks_again() {
                // What was refused for now is asked for after a while.
                busy = true;
                self.advance(1, true);
            }
            busy |= self.pages[index].up(100, false) > 0;
            self.server.settle();
            busy |= self.pages[index].down(100, false, now) > 0;
            while self.pages[index].lists.iter().any(|list| list.waits()) {
                busy = true;
                self.begin_load(index, Topic(0));
                self.arrive(self.loads.len() - 1);
            }
        }
        busy
    }

    /// What was trimmed before it was read is noticed with the next entry.
    fn readable(&self) -> u64 {
        let model = self.truth.lock();
        if model.log.trimmed_to() < model.head() { model.head() } else { 0 }
    }

    fn compare(&mut self, plan: &Plan) {
        let subscriptions = self.pages.iter().map(Page::topics).sum();
        let wanted = (self.pages.len(), subscriptions);
        let stats = self.server.realtime.stats();
        let owed: Vec<String> = self.server.owed().collect();
        let mut model = self.truth.lock();
        for list in self.lists() {
            list.compare(&mut model);
            model.check(!plan.generous || list.resyncs == 0, || {
                format!("{} lost its place, and nothing was the reason", list.who)
            });
        }
        model.faults.extend(owed);
        // Of a request that came twice one may have been refused and the other not, which no socket that
        // keeps its order does to a page: it believes that it has no subscription.
        let unsure = model.excused && model.paths.has(Path::RequestTwice);
        model.check(unsure || (stats.connections, stats.subscriptions) == wanted, || {
            format!("{stats:?} instead of {wanted:?}")
        });
    }
}
