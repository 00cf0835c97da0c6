//! The home page: explains the product by being live.

mod page;

pub use page::HomePage;
