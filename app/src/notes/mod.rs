//! Notes: each is its owner's alone until it is shared with everybody. Rows that are somebody's.

pub mod model;
mod page;
mod row;

pub use model::Note;
pub use page::NotesPage;
