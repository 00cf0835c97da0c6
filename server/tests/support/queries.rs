//! Live queries that only tests ask, over the demo's tables.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use tidewire::{
    Refusal,
    contract::LiveQuery,
    server::{AnswerQuery, Builder, Identity, database::ReadTx},
    sql,
};

static RUNS: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

/// How often [`Dearer`] was asked with this tag.
pub fn runs(tag: &str) -> usize {
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    runs.get_or_insert_default().get(tag).copied().unwrap_or(0)
}

fn count(tag: &str) {
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    *runs.get_or_insert_default().entry(tag.to_owned()).or_default() += 1;
}

/// Registers all of them.
pub fn add(builder: Builder) -> Builder {
    builder.query::<Dearer>().query::<Moody>().query::<Mine>()
}

/// How many products cost more than this. Each test has a tag of its own, by which it counts the runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dearer {
    pub tag: String,
    pub than: i64,
}

impl LiveQuery for Dearer {
    const NAME: &'static str = "dearer";
    type Output = i64;
}

impl AnswerQuery for Dearer {
    const TABLES: &'static [&'static str] = &["products"];

    async fn answer(&self, tx: &mut ReadTx, _: &Identity) -> Result<i64, Refusal> {
        count(&self.tag);
        let count = "SELECT count(*) FROM products WHERE price > $1";
        Ok(sql!(tx, |db| sqlx::query_scalar(count).bind(self.than).fetch_one(db))?)
    }
}

/// Does what the name of product 1 says: `refuse`, `panic`, `grow`, or else it answers with the name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moody {}

impl LiveQuery for Moody {
    const NAME: &'static str = "moody";
    type Output = String;
}

impl AnswerQuery for Moody {
    const TABLES: &'static [&'static str] = &["products"];

    async fn answer(&self, tx: &mut ReadTx, _: &Identity) -> Result<String, Refusal> {
        let name = "SELECT name FROM products WHERE id = 1";
        let name: String = sql!(tx, |db| sqlx::query_scalar(name).fetch_one(db))?;
        match name.as_str() {
            "refuse" => Err(Refusal::invalid("name", "Not today.")),
            "fail" => Ok(sql!(tx, |db| sqlx::query_scalar("SELECT nonsense").fetch_one(db))?),
            "panic" => panic!("as the test wants it"),
            "grow" => Ok("x".repeat(2_000)),
            _ => Ok(name),
        }
    }
}

/// Who asks, and how many todos there are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mine {}

impl LiveQuery for Mine {
    const NAME: &'static str = "mine";
    type Output = (String, i64);
}

impl AnswerQuery for Mine {
    const TABLES: &'static [&'static str] = &["todos", "products"];
    const PER_USER: bool = true;

    async fn answer(&self, tx: &mut ReadTx, who: &Identity) -> Result<(String, i64), Refusal> {
        let count = "SELECT count(*) FROM todos";
        let count = sql!(tx, |db| sqlx::query_scalar(count).fetch_one(db))?;
        Ok((who.id().to_string(), count))
    }
}
