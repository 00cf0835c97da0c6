//! Which queries there are, and what a channel's name asks.

use std::collections::HashMap;

use super::question::{AnswerQuery, Question};
use crate::{
    contract::{ChannelName, ErrorCode, LiveError, channel::ChannelKind, query},
    server::log::LogError,
};

/// The queries that a server can answer, by name.
#[derive(Default)]
pub struct Registry {
    kinds: HashMap<&'static str, Kind>,
    /// Names that two queries have, which is refused at start.
    twice: Vec<&'static str>,
}

#[derive(Clone, Copy)]
struct Kind {
    tables: &'static [&'static str],
    per_user: bool,
    read: fn(&str) -> Option<Read>,
}

/// Parameters, and how the server itself writes them.
type Read = (Box<dyn Question>, String);

/// A query with its parameters.
pub(super) struct Asked {
    kind: Kind,
    name: &'static str,
    written: String,
    pub(super) question: Box<dyn Question>,
}

impl Registry {
    /// Adds a query.
    pub fn add<Q: AnswerQuery>(&mut self) {
        let read = |segment: &str| -> Option<Read> {
            let asked = query::parameters::<Q>(segment)?;
            let written = serde_json::to_string(&asked).ok()?;
            Some((Box::new(asked), written))
        };
        let kind = Kind { tables: Q::TABLES, per_user: Q::PER_USER, read };
        if self.kinds.insert(Q::NAME, kind).is_some() {
            self.twice.push(Q::NAME);
        }
    }

    /// Leaves out the queries that read tables for which `followed` is false.
    pub fn retain(&mut self, followed: impl Fn(&str) -> bool) {
        self.kinds.retain(|name, kind| {
            let kept = kind.tables.iter().all(|table| followed(table));
            if !kept {
                tracing::warn!(query = name, "left out: realtime is off for a table that it reads");
            }
            kept
        });
    }

    /// Whether every query can be asked and is told of changes.
    ///
    /// # Errors
    /// The first for which that is not so, with what is wrong.
    pub fn check(&self, followed: impl Fn(&str) -> bool, database: bool) -> Result<(), LogError> {
        let wrong = |name: &str, problem| Err(LogError::Query { name: name.into(), problem });
        if let Some(name) = self.twice.first() {
            return wrong(name, "another query has the same name");
        }
        for (name, kind) in &self.kinds {
            if !database {
                return wrong(name, "this server has no database that could be asked");
            }
            if name.contains(':') || ChannelName::record("query", name).is_none() {
                return wrong(name, "its name cannot be part of a channel");
            }
            if kind.tables.is_empty() {
                return wrong(name, "it names no tables, so it would never be asked again");
            }
            if !kind.tables.iter().all(|table| followed(table)) {
                return wrong(name, "a table that it reads does not exist or is not followed");
            }
        }
        Ok(())
    }

    /// What a channel's name asks.
    ///
    /// # Errors
    /// `unknown_channel` when there is no such query, `invalid_payload` when the parameters are not its.
    pub(super) fn find(&self, channel: &ChannelName) -> Result<Asked, LiveError> {
        let ChannelKind::Other { rest: Some(rest), .. } = channel.kind() else {
            let problem = "a query's channel is query:{name}:{parameters}";
            return Err(LiveError::new(ErrorCode::UnknownChannel, problem));
        };
        let (name, parameters) = rest.split_once(':').unwrap_or((rest, ""));
        let Some((name, kind)) = self.kinds.get_key_value(name) else {
            let problem = format!("there is no query {name:?}");
            return Err(LiveError::new(ErrorCode::UnknownChannel, problem));
        };
        // Reading them is the application's code, which must not end the connection.
        let read = std::panic::catch_unwind(|| (kind.read)(parameters)).unwrap_or_else(|_| {
            tracing::error!(query = name, "reading the parameters panicked");
            None
        });
        let (question, written) = read.ok_or_else(|| {
            let problem = format!("these are not the parameters of the query {name:?}");
            LiveError::new(ErrorCode::InvalidPayload, problem)
        })?;
        Ok(Asked { kind: *kind, name, written, question })
    }
}

impl Asked {
    pub(super) fn tables(&self) -> &'static [&'static str] {
        self.kind.tables
    }

    pub(super) fn per_user(&self) -> bool {
        self.kind.per_user
    }

    /// The same for everybody who asks the same, however they spell it.
    pub(super) fn key(&self) -> (&'static str, String) {
        (self.name, self.written.clone())
    }
}
