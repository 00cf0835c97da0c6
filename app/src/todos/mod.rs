//! Todos: a live list with optimistic writes, edited in place, that merges concurrent edits.

pub mod model;
mod page;
mod row;

pub use model::Todo;
pub use page::TodosPage;
