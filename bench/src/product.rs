//! The row that is written and followed.

use serde::{Deserialize, Serialize};
use tidewire::Live;

/// A row of the demo's products. Its name is when it was written: microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    pub id: i64,
    pub name: String,
    pub price: f64,
}

impl Live for Product {
    const RESOURCE: &'static str = "product";
    const TABLE: &'static str = "products";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }
}

/// When the row of a change was written, read from the frame's text without parsing it.
pub fn written_us(frame: &str) -> Option<u64> {
    let name = frame.split_once("\"record\":")?.1.split_once("\"name\":\"")?.1;
    name.split_once('"')?.0.parse().ok()
}
