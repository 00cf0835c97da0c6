//! What is under way between a page and the server's functions: snapshots and writes.

use tidewire::{
    Position,
    client::{OwnerId, rows::WriteId},
    server::database::ReadTx,
};

use super::{
    disk::{Writer, snapshot},
    edit::Edit,
    item::{Item, Topic},
    paths::Path,
    world::{World, pick},
};

/// A snapshot under way: for a list, or to be joined with.
pub(super) struct Load {
    pub(super) client: usize,
    topic: Topic,
    pub(super) list: Option<OwnerId>,
    tx: ReadTx,
}

/// A write that is shown.
pub(super) struct Write {
    pub(super) client: usize,
    pub(super) list: OwnerId,
    pub(super) id: WriteId,
    pub(super) edit: Edit,
    pub(super) answer: Option<(Position, Option<Item>)>,
}

/// No more transactions are open at once, so that the server always finds a connection.
const LOADS: usize = 2;

impl World<'_> {
    /// Begins the snapshot of a list that waits for one, otherwise one to be joined with.
    pub(super) async fn begin_load(&mut self, client: usize, topic: Topic) {
        if self.loads.len() >= LOADS {
            self.arrive(0).await;
        }
        let tx = self.disk.database.read().await.expect("a transaction");
        {
            let mut model = self.truth.lock();
            let (at, head) = (tx.position(), model.position());
            model.check(at == head, || format!("a read at {head} believes to be at {at}"));
        }
        let waits = self.clients[client].lists.iter_mut().find(|list| list.waits());
        let (topic, list) = match waits {
            Some(list) => {
                list.loading += 1;
                (list.topic, Some(list.owner))
            }
            None => (topic, None),
        };
        self.loads.push(Load { client, topic, list, tx });
    }

    pub(super) async fn arrive(&mut self, load: usize) {
        if self.loads.is_empty() {
            return;
        }
        let Load { client, topic, list, tx } = self.loads.remove(load % self.loads.len());
        let snapshot = snapshot(&self.truth, tx, topic).await;
        let now = self.now();
        let Some(owner) = list else { return self.hands[client].push((topic, snapshot)) };
        let client = &mut self.clients[client];
        if let Some(list) = client.lists.iter().position(|list| list.owner == owner) {
            client.rebase(list, snapshot, now);
        }
    }

    /// The server takes a write that a page shows already, and makes something else of it.
    pub(super) async fn execute(&mut self, write: usize) {
        let Some(write) = pick(&mut self.writes, write).filter(|write| write.answer.is_none())
        else {
            return;
        };
        let edit = match &write.edit {
            Edit::Put(item) => Edit::Put(Item { note: item.note + 1000, ..item.clone() }),
            edit => edit.clone(),
        };
        let row = if let Edit::Put(item) = &edit { Some(item.clone()) } else { None };
        let position = self.disk.write(&self.truth, Writer::Own, &[edit]).await;
        write.answer = Some((position, row));
        self.server.woke();
    }

    /// The page learns what became of its write; `lost` when only the answer was.
    pub(super) fn answer(&mut self, write: usize, lost: bool) {
        if self.writes.is_empty() {
            return;
        }
        let write = self.writes.remove(write % self.writes.len());
        let lists = &mut self.clients[write.client].lists;
        let Some(list) = lists.iter_mut().find(|list| list.owner == write.list) else { return };
        match write.answer {
            Some((position, row)) if !lost => list.settle(write.id, position, row, &self.truth),
            answer => {
                let lost = answer.is_some();
                self.truth.hit(if lost { Path::AnswerLost } else { Path::Refused });
                list.roll_back(write.id, &self.truth);
            }
        }
    }
}
