//! The end of a schedule: everything arrives, and then everybody must show what the database holds.

use super::{
    client::Client,
    disk::Writer,
    edit::Edit,
    item::{Item, TOPICS},
    plan::Plan,
    world::World,
};
use tidewire::client::Input;

/// Rounds after which everything must have arrived.
const ROUNDS: usize = 100;

impl World<'_> {
    /// Lets everything arrive, writes once more, and compares.
    pub async fn finish(&mut self, plan: &Plan) {
        self.calm().await;
        if !self.truth.lock().faults.is_empty() {
            return;
        }
        // Whoever has lost its place without a word does not see this.
        let last = |id, room| Edit::Put(Item { id, room, note: 5000 });
        self.disk.write(&self.truth, Writer::Own, &[last(1, 1), last(2, 2)]).await;
        self.server.woke();
        self.calm().await;
        self.compare(plan).await;
        self.clients.iter_mut().for_each(Client::close);
        self.server.check_empty().await;
        self.server.stop().await;
    }

    async fn calm(&mut self) {
        self.server.wake(self.disk);
        for _ in 0..ROUNDS {
            // What is wrong already is said before somebody waits for what never comes.
            if !self.round().await || !self.truth.lock().faults.is_empty() {
                return;
            }
        }
        self.truth.lock().faults.push("something goes on for ever".into());
    }

    /// Lets one of everything happen; says whether something did.
    async fn round(&mut self) -> bool {
        self.server.settle().await;
        let mut busy = !self.loads.is_empty() || !self.writes.is_empty();
        while !self.loads.is_empty() {
            self.arrive(0).await;
        }
        while !self.writes.is_empty() {
            self.execute(0).await;
            self.answer(0, false);
        }
        for index in 0..self.clients.len() {
            let now = self.now();
            let client = &mut self.clients[index];
            client.bury();
            if !client.is_connected() {
                busy = true;
                if !client.is_opening() {
                    client.handle(Input::RetryNow, now);
                }
                self.open(index, 1_000, false);
            }
            busy |= self.clients[index].up(100, false) > 0;
            self.server.settle().await;
            busy |= self.clients[index].down(100, false, now) > 0;
            while self.clients[index].lists.iter().any(|list| list.waits()) {
                busy = true;
                self.begin_load(index, TOPICS[0]).await;
                self.arrive(self.loads.len() - 1).await;
            }
        }
        busy
    }

    async fn compare(&mut self, plan: &Plan) {
        let mut subscriptions = 0;
        for client in &self.clients {
            subscriptions += client.topics();
            for list in &client.lists {
                let held = self.disk.select(list.topic).await;
                let mut model = self.truth.lock();
                let shown = list.shown();
                model.check(!list.has_rows() || shown == held, || {
                    format!("{list} shows {shown:?}, the database holds {held:?}")
                });
                model.check(list.ready && !list.frozen, || format!("{list} is not live"));
                model.check(list.loads == list.wanted_loads, || {
                    format!("{list} was loaded {} times, not {}", list.loads, list.wanted_loads)
                });
                model.check(!plan.generous || list.resyncs == 0, || {
                    format!("{list} lost its place, and nothing was the reason")
                });
            }
        }
        let stats = self.server.realtime.stats();
        let mut model = self.truth.lock();
        // The probe has one connection and two subscriptions.
        let wanted = (self.clients.len() + 1, subscriptions + 2);
        model.check((stats.connections, stats.subscriptions) == wanted, || {
            format!("{stats:?} instead of {wanted:?}")
        });
    }
}
