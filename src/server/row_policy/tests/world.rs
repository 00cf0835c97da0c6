//! A random schedule: writes of every kind, and people who come, go, follow and turn into others.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use fastrand::Rng;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    note::{Note, Part, SCHEMA, load},
    viewer::{Leaks, Viewer},
};
use crate::{
    client::ConnectionState,
    contract::{ChannelName, Limits, Position, Snapshot},
    server::{Identity, Permissions},
    sql,
    testing::TestBed,
};

const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct World {
    pub(super) bed: TestBed,
    /// Another program's connection, with SQLite's own defaults.
    other: SqliteConnection,
    random: Rng,
    /// Owner, whether it is shared, and room, by id.
    notes: HashMap<String, (&'static str, bool, i64)>,
    bodies: u64,
    viewers: Vec<Viewer>,
    /// What was loaded some time ago, and by whom.
    loaded: Vec<(Identity, Part, ChannelName, Snapshot<Note>)>,
    leaks: Leaks,
}

impl World {
    /// `history` is how many entries the ring holds: with a few, what is older is read from the log.
    pub(super) async fn new(history: usize) -> Self {
        let limits = Limits {
            history_events: history,
            others_per_window: 1_000_000,
            subscribes_per_window: 1_000_000,
            ..Limits::default()
        };
        let bed = TestBed::start(SCHEMA, |server| server.guarded::<Note>().limits(limits)).await;
        let options = SqliteConnectOptions::new().filename(bed.file()).busy_timeout(PATIENCE);
        let other = SqliteConnection::connect_with(&options).await.unwrap();
        Self {
            bed,
            other,
            random: Rng::new(),
            notes: HashMap::new(),
            bodies: 0,
            viewers: Vec::new(),
            loaded: Vec::new(),
            leaks: Leaks::default(),
        }
    }

    /// Runs one schedule; what went wrong, if anything did.
    pub(super) async fn run(&mut self, seed: u64) -> Result<(), String> {
        self.random = Rng::with_seed(seed);
        self.clear().await;
        for _ in 0..3 {
            let who = self.somebody();
            self.viewers.push(self.viewer(who));
        }
        for _ in 0..self.random.usize(8..24) {
            self.step().await;
        }
        for viewer in &self.viewers {
            viewer.client.connect();
        }
        self.settle().await?;
        let mut wrong = self.leaks.lock().unwrap().clone();
        for viewer in &self.viewers {
            for list in &viewer.lists {
                let loaded = load(self.bed.realtime().database(), &viewer.who, &list.part).await;
                let selected: HashMap<_, _> =
                    loaded.rows.into_iter().map(|row| (row.id.clone(), row)).collect();
                let shown = list.shown();
                if shown != selected {
                    let (who, channel) = (&viewer.who, &list.channel);
                    wrong.push(format!(
                        "{who:?} sees on {channel} {shown:#?} instead of {selected:#?}"
                    ));
                }
            }
        }
        self.viewers.clear();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    async fn clear(&mut self) {
        self.leaks = Leaks::default();
        self.loaded.clear();
        self.notes.clear();
        self.bodies = 0;
        self.own("DELETE FROM notes".into(), true).await;
    }

    async fn step(&mut self) {
        match self.random.u8(0..20) {
            0..8 => self.write().await,
            8 => self.take().await,
            9 => _ = self.settle().await,
            10 | 11 => self.any_viewer(|viewer| viewer.client.disconnect()),
            12 | 13 => self.any_viewer(|viewer| viewer.client.connect()),
            14..17 => {
                self.load().await;
                self.follow(self.loaded.len() - 1);
            }
            17 => self.load().await,
            18 => {
                if !self.loaded.is_empty() {
                    let at = self.random.usize(..self.loaded.len());
                    self.follow(at);
                }
            }
            _ => self.turn_into_another().await,
        }
    }

    /// Some statements in one transaction, by this process or another program.
    async fn write(&mut self) {
        let before = self.notes.clone();
        let (own, commits) = (self.random.u8(..3) > 0, self.random.u8(..10) > 0);
        let mut statements = String::new();
        for _ in 0..self.random.usize(1..5) {
            statements += &self.statement(own);
        }
        if own {
            self.own(statements, commits).await;
        } else {
            let end = if commits { "COMMIT" } else { "ROLLBACK" };
            let script = AssertSqlSafe(format!("BEGIN IMMEDIATE; {statements} {end}"));
            sqlx::raw_sql(script).execute(&mut self.other).await.unwrap();
            self.bed.realtime().log().wake();
        }
        if !commits {
            self.notes = before;
        }
    }

    async fn own(&self, statements: String, commits: bool) {
        let mut tx = self.bed.realtime().database().write().await.unwrap();
        let script = AssertSqlSafe(statements);
        sql!(tx, |db| sqlx::raw_sql(script).execute(db)).unwrap();
        if commits {
            tx.commit::<()>(None).await.unwrap();
        }
    }

    fn statement(&mut self, own: bool) -> String {
        let id = self.id();
        let owner = self.random.choice(["ann", "bob"]).unwrap();
        let (shared, room) = (self.random.u8(..4) == 0, self.random.i64(1..3));
        let fields = (owner, shared, room);
        let known = self.notes.get(&id).copied();
        let (row, fields) = match (self.random.u8(..8), known) {
            (0, Some(_)) => {
                self.notes.remove(&id);
                return format!("DELETE FROM notes WHERE id = '{id}';");
            }
            // A row of this key goes, which another program does not log for another key's sake.
            (1, Some(fields)) if own => {
                let new = self.id();
                let body = self.body(fields);
                self.notes.remove(&id);
                self.notes.insert(new.clone(), fields);
                return format!(
                    "UPDATE OR REPLACE notes SET id = '{new}', body = '{body}' WHERE id = '{id}';"
                );
            }
            (2..4, Some((_, shared, room))) => ("UPDATE", (owner, shared, room)),
            (4, Some((owner, _, room))) => ("UPDATE", (owner, shared, room)),
            (5, Some((owner, shared, _))) => ("UPDATE", (owner, shared, room)),
            (6, Some(_)) => ("UPSERT", fields),
            _ => ("REPLACE", fields),
        };
        let body = self.body(fields);
        let (owner, shared, room) = fields;
        self.notes.insert(id.clone(), fields);
        let columns =
            format!("owner = '{owner}', shared = {shared}, room = {room}, body = '{body}'");
        let values = format!("('{id}', '{owner}', {shared}, {room}, '{body}')");
        match row {
            "UPDATE" => format!("UPDATE notes SET {columns} WHERE id = '{id}';"),
            "UPSERT" => format!(
                "INSERT OR IGNORE INTO notes VALUES {values}; INSERT INTO notes VALUES {values} \
                 ON CONFLICT (id) DO UPDATE SET {columns};"
            ),
            _ => format!("INSERT OR REPLACE INTO notes VALUES {values};"),
        }
    }

    fn id(&mut self) -> String {
        format!("note-{}", self.random.u8(1..6))
    }

    fn body(&mut self, (owner, shared, _): (&str, bool, i64)) -> String {
        self.bodies += 1;
        format!("<{owner},{shared},{}>", self.bodies)
    }

    fn somebody(&mut self) -> Identity {
        let all = || Permissions::parse(["read:notes:all"]).unwrap();
        match self.random.u8(..6) {
            0 | 1 => Identity::user("ann"),
            2 => Identity::user("ann").with_permissions(all()),
            3 => Identity::user("bob"),
            // A guest's id proves nothing.
            4 => Identity::guest("ann"),
            _ => Identity::service("auditor").limited_to(Permissions::parse(["read:*"]).unwrap()),
        }
    }

    fn viewer(&self, who: Identity) -> Viewer {
        Viewer::new(who.clone(), self.bed.connector_as(who), &self.leaks)
    }

    fn any_viewer(&mut self, what: impl FnOnce(&mut Viewer)) {
        let at = self.random.usize(..self.viewers.len());
        what(&mut self.viewers[at]);
    }

    /// Comes back with other permissions, or as somebody else; what was shown before is given up.
    async fn turn_into_another(&mut self) {
        let who = self.somebody();
        let mut viewer = self.viewer(who.clone());
        let at = self.random.usize(..self.viewers.len());
        for list in &self.viewers[at].lists {
            let loaded = load(self.bed.realtime().database(), &who, &list.part).await;
            viewer.follow(list.part.clone(), list.channel.clone(), loaded);
        }
        self.viewers[at] = viewer;
    }

    async fn load(&mut self) {
        let at = self.random.usize(..self.viewers.len());
        let who = self.viewers[at].who.clone();
        let (id, room) = (self.id(), self.random.i64(1..3));
        let (part, name) = match self.random.u8(..5) {
            0 => (Part::All, "resource:note".to_owned()),
            1 => (Part::All, "table:public.notes".to_owned()),
            2 => (Part::Room(room), format!("room:{room}")),
            3 => (Part::Room(room), format!("shelf:{room}")),
            _ => (Part::Record(id.clone()), format!("note:{id}")),
        };
        let loaded = load(self.bed.realtime().database(), &who, &part).await;
        self.loaded.push((who, part, ChannelName::new(&name).unwrap(), loaded));
    }

    /// Whoever has loaded it follows it, unless they have turned into somebody else.
    fn follow(&mut self, at: usize) {
        let (who, part, channel, loaded) = self.loaded.swap_remove(at);
        let free = self.viewers.iter_mut().find(|viewer| {
            viewer.who == who && !viewer.lists.iter().any(|list| list.channel == channel)
        });
        if let Some(viewer) = free {
            viewer.follow(part, channel, loaded);
        }
    }

    async fn take(&mut self) {
        for viewer in &mut self.viewers {
            viewer.take(self.bed.realtime().database()).await;
        }
    }

    /// Waits until whoever is connected has everything that is committed.
    async fn settle(&mut self) -> Result<(), String> {
        let realtime = self.bed.realtime().clone();
        let began = Instant::now();
        let head = Position::new(realtime.log().epoch(), realtime.log().head().await.unwrap());
        for round in 0.. {
            self.take().await;
            let passed = realtime.hub().head() == head;
            let mut late = self
                .viewers
                .iter()
                .filter(|viewer| viewer.client.transport().is_some() && !viewer.has_reached(head));
            match late.next() {
                None if passed && self.viewers.iter().all(is_settled) => return Ok(()),
                _ if began.elapsed() > PATIENCE => {
                    return Err(format!("somebody never came to {head}"));
                }
                _ => {}
            }
            if passed {
                for viewer in &self.viewers {
                    viewer.client.wake();
                }
            }
            // Others need the machine, too, but mostly it is a matter of some turns.
            match round {
                0..20 => tokio::task::yield_now().await,
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
        unreachable!("it has patience")
    }
}

/// Whether a client is connected or does not mean to be.
fn is_settled(viewer: &Viewer) -> bool {
    matches!(viewer.client.state(), ConnectionState::Connected | ConnectionState::Disconnected)
}
