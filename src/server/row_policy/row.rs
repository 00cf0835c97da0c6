//! A logged row as its type reads it: where it belongs, and who may see it.

use std::panic::catch_unwind;

use serde_json::value::RawValue;

use super::RowPolicy;
use crate::{
    contract::{ChannelName, Live},
    server::identity::Identity,
};

/// What the channel layer asks a row.
pub struct Row {
    /// Further channels that it belongs to.
    pub scopes: Vec<ChannelName>,
    /// Who may see it; `None` when everybody may who may read its channels.
    pub may_see: Option<Judge>,
}

/// Whether somebody may see a row whose type is forgotten.
pub type Judge = Box<dyn Fn(&Identity) -> bool + Send + Sync>;

/// Reads a row of one type; `None` when it does not fit, of which there is a line in the log.
pub type ReadRow = fn(&RawValue) -> Option<Row>;

/// Reads a row that everybody may see.
pub fn open<T: Live>(row: &RawValue) -> Option<Row> {
    read::<T>(row, None)
}

/// Reads a row that says itself who may see it.
pub fn guarded<T: RowPolicy>(row: &RawValue) -> Option<Row> {
    read::<T>(row, Some(|row| Box::new(move |who| row.may_see(who))))
}

fn read<T: Live>(row: &RawValue, judge: Option<fn(T) -> Judge>) -> Option<Row> {
    // The application's code must not end the one task that delivers everything.
    let read = || {
        let row = serde_json::from_str::<T>(row.get())?;
        Ok(Row { scopes: row.scopes(), may_see: judge.map(|judge| judge(row)) })
    };
    let resource = T::RESOURCE;
    match catch_unwind(read) {
        Ok(Ok(row)) => return Some(row),
        // What it says may repeat a value, which is not everybody's to see.
        Ok(Err::<_, serde_json::Error>(error)) if judge.is_some() => {
            tracing::error!(resource, column = error.column(), "a row does not fit its type");
        }
        Ok(Err(error)) => tracing::error!(resource, %error, "a row does not fit its type"),
        Err(_) => tracing::error!(resource, "reading a row or its scopes panicked"),
    }
    None
}
