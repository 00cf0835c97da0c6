//! The SQL of the triggers that log a table's rows.
//!
//! Other programs run it with their own SQLite, so it uses nothing newer than 3.38, and no value may
//! make it fail: an error here would undo the user's write. JSON is joined from pieces, because
//! `json_object` ends at 63 columns and refuses blobs.

use super::table::{Column, Kind, Table, ident, literal};

/// What the names of all triggers begin with.
pub(super) const PREFIX: &str = "tidewire_";

/// Where rows are put aside that a REPLACE may remove; empty but for a moment.
pub(super) const ASIDE: &str = "tidewire_replaced";

/// A trigger by its name, and the statement that makes it, spelled as `sqlite_master` keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trigger {
    pub(super) name: String,
    pub(super) sql: String,
}

/// The triggers of a table, in the order in which they are made.
pub(super) fn triggers(table: &Table) -> Vec<Trigger> {
    let (old, new) = (Row::new(table, "OLD"), Row::new(table, "NEW"));
    let insert = log(table, "INSERT", &new.id, "NULL", &new.json);
    let update = log(table, "UPDATE", &new.id, &old.json, &new.json);
    let delete = log(table, "DELETE", &old.id, &old.json, "NULL");
    // A row whose key changes is another row to everybody who keeps rows by key.
    let updated = match same_key(table) {
        None => format!("{update};"),
        Some(same) => format!(
            "{update} WHERE {same}; {delete} WHERE NOT ({same}); {insert} WHERE NOT ({same});"
        ),
    };
    let replaced = replaced(table, &old, &new);
    let (gone, forget) = replaced.as_ref().map_or(("", ""), |r| (&*r.gone, &*r.forget));
    let mut triggers = vec![
        trigger(table, "insert", "AFTER INSERT", "", &format!("{gone}{insert};")),
        trigger(table, "update", "AFTER UPDATE", "", &format!("{forget}{updated}")),
        trigger(table, "delete", "AFTER DELETE", "", &format!("{forget}{delete};")),
    ];
    triggers.extend(replaced.map(|replaced| replaced.aside));
    triggers
}

fn trigger(table: &Table, name: &str, event: &str, when: &str, body: &str) -> Trigger {
    let name = format!("{PREFIX}{}_{name}", table.name);
    let sql = format!(
        "CREATE TRIGGER {} {event} ON {} {when}BEGIN {body} END",
        ident(&name),
        ident(&table.name),
    );
    Trigger { name, sql }
}

/// How the row is noticed whose place a REPLACE gives to another of the same key, for which programs that
/// do not ask for it run no trigger: it is put aside before the insert. If an insert follows, and the row
/// was not deleted by a trigger's leave, that is logged first.
struct Replaced {
    /// Puts the row aside.
    aside: Trigger,
    /// After an insert, logs the delete.
    gone: String,
    /// After an update or a delete: the row is none that was replaced unseen.
    forget: String,
}

fn replaced(table: &Table, old: &Row, new: &Row) -> Option<Replaced> {
    let same = table.key.iter().map(|key| format!("aside.{key} = NEW.{key}"));
    let same = Some(same.collect::<Vec<_>>().join(" AND ")).filter(|same| !same.is_empty())?;
    let (row, name) = (Row::new(table, "aside"), literal(&table.name));
    let found = format!("FROM {} AS aside WHERE {same}", ident(&table.name));
    let when = format!("WHEN EXISTS (SELECT 1 {found}) ");
    let forget = format!("DELETE FROM {ASIDE} WHERE tbl = {name}");
    let put = format!(
        "{forget}; INSERT INTO {ASIDE} (tbl, new_id, row_id, old) \
         SELECT {name}, {}, {}, {} {found};",
        new.id, row.id, row.json,
    );
    let logged = log(table, "DELETE", "aside.row_id", "aside.old", "NULL");
    // An insert that was ignored may have left a row there, of another key.
    let at =
        format!("FROM {ASIDE} AS aside WHERE aside.tbl = {name} AND aside.new_id IS {}", new.id);
    Some(Replaced {
        aside: trigger(table, "replace", "BEFORE INSERT", &when, &put),
        gone: format!("{logged} {at}; {forget}; "),
        forget: format!("{forget} AND row_id IS {}; ", old.id),
    })
}

fn log(table: &Table, op: &str, id: &str, old: &str, new: &str) -> String {
    format!(
        "INSERT INTO tidewire_log (at_ms, tbl, op, row_id, old, new) SELECT \
         CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER), \
         {}, '{op}', {id}, {old}, {new}",
        literal(&table.name),
    )
}

/// Whether an update leaves the key alone, byte for byte whatever the columns' collations.
fn same_key(table: &Table) -> Option<String> {
    let parts = table.key.iter().map(|key| format!("OLD.{key} IS NEW.{key} COLLATE BINARY"));
    Some(parts.collect::<Vec<_>>().join(" AND ")).filter(|same| !same.is_empty())
}

/// The expressions for one side of a change.
struct Row {
    id: String,
    json: String,
}

impl Row {
    fn new(table: &Table, side: &str) -> Self {
        let id = table.key.iter().map(|key| {
            let value = format!("{side}.{key}");
            format!("CASE typeof({value}) WHEN 'blob' THEN lower(hex({value})) ELSE CAST({value} AS TEXT) END")
        });
        let id = id.collect::<Vec<_>>().join(" || ':' || ");
        let mut pieces = Vec::with_capacity(2 * table.columns.len() + 1);
        for (index, column) in table.columns.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let key = serde_json::Value::from(column.name.as_str());
            pieces.push(literal(&format!("{before}{key}:")));
            pieces.push(value(side, column));
        }
        pieces.push("'}'".to_owned());
        let id = if id.is_empty() { "NULL".to_owned() } else { id };
        Self { id, json: concat(&pieces) }
    }
}

/// Joins as a balanced tree: SQLite refuses expressions more than 1,000 deep.
fn concat(pieces: &[String]) -> String {
    match pieces {
        [piece] => piece.clone(),
        _ => {
            let (left, right) = pieces.split_at(pieces.len() / 2);
            format!("({} || {})", concat(left), concat(right))
        }
    }
}

/// One value as JSON text, never NULL.
fn value(side: &str, column: &Column) -> String {
    let v = format!("{side}.{}", ident(&column.name));
    let integer = match column.kind {
        Kind::Boolean => format!("CASE WHEN {v} THEN 'true' ELSE 'false' END"),
        _ => format!("CAST({v} AS TEXT)"),
    };
    let text = match column.kind {
        Kind::Json => format!("CASE WHEN json_valid({v}) THEN json({v}) ELSE json_quote({v}) END"),
        _ => format!("json_quote({v})"),
    };
    // 15 digits where they read back as the same number, otherwise 17 (beyond 1e±50 SQLite itself may
    // get the last of them wrong); 9e999 is infinity.
    let real = format!(
        "CASE WHEN abs({v}) < 9e999 THEN CASE WHEN CAST(printf('%!.15g', {v}) AS REAL) = {v} \
         THEN printf('%!.15g', {v}) ELSE printf('%!.17g', {v}) END ELSE 'null' END"
    );
    format!(
        "CASE typeof({v}) WHEN 'text' THEN {text} WHEN 'integer' THEN {integer} \
         WHEN 'real' THEN {real} WHEN 'blob' THEN '\"' || lower(hex({v})) || '\"' ELSE 'null' END"
    )
}
