//! Products: a plain table that anybody may write, this page or a shell, and that refuses edits of old
//! rows.

pub mod model;
mod page;
mod row;

pub use model::{Product, Worth};
pub use page::ProductsPage;
