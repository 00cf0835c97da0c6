//! A query with its parameters, before and after its type is forgotten.

use async_trait::async_trait;
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    contract::{LiveQuery, Refusal, query::Answered},
    server::{database::ReadTx, identity::Identity},
};

/// How the server answers a live query.
///
/// ```ignore
/// impl AnswerQuery for OpenTodos {
///     const TABLES: &'static [&'static str] = &["todos"];
///
///     async fn answer(&self, tx: &mut ReadTx, _: &Identity) -> Result<i64, Refusal> {
///         Ok(sql!(tx, |db| sqlx::query_scalar("SELECT count(*) FROM todos WHERE NOT done").fetch_one(db))?)
///     }
/// }
/// ```
pub trait AnswerQuery: LiveQuery {
    /// The tables that the answer is read from, as they were created. Others may be read, but their
    /// changes are not noticed.
    const TABLES: &'static [&'static str];
    /// Whether different users get different answers: rows that not everybody may see, for instance. Then it
    /// is asked by each user, and each guest, as themselves; connections that are [equal](Identity) share
    /// an answer. If not, it is asked once for all of them, by nobody in particular: a guest without a name.
    const PER_USER: bool = false;

    /// Reads the answer. It must depend on nothing but the parameters, the rows of its tables and, where
    /// [`Self::PER_USER`] says so, what makes `who` equal to others: kind, id and permissions.
    ///
    /// # Errors
    /// Whatever keeps the server from answering; the subscribers are told, and it is tried again at the
    /// next change.
    fn answer(
        &self,
        tx: &mut ReadTx,
        who: &Identity,
    ) -> impl Future<Output = Result<Self::Output, Refusal>> + Send;
}

/// A query whose type is forgotten.
#[async_trait]
pub(super) trait Question: Send + Sync {
    /// The answer as the payload that subscribers get.
    async fn answer(&self, tx: &mut ReadTx, who: &Identity) -> Result<Box<RawValue>, Refusal>;
}

#[async_trait]
impl<Q: AnswerQuery> Question for Q {
    async fn answer(&self, tx: &mut ReadTx, who: &Identity) -> Result<Box<RawValue>, Refusal> {
        let answer = AnswerQuery::answer(self, tx, who).await?;
        to_raw_value(&Answered::Result(answer)).map_err(|error| {
            tracing::error!(query = Q::NAME, %error, "an answer cannot be written");
            Refusal::Failed { message: "The server could not write this answer.".into() }
        })
    }
}
