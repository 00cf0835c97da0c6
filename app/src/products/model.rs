//! A product: its type, its rules, and the server functions that read and write it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use tidewire::{Live, Refusal, Snapshot, Written, contract::LiveQuery};

/// A product, from the database row to the view. The database makes its number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(sqlx::FromRow))]
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

/// What all products cost together, in cents: a live query.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Worth {}

impl LiveQuery for Worth {
    const NAME: &'static str = "worth";
    type Output = i64;
}

#[cfg(not(target_arch = "wasm32"))]
impl tidewire::server::AnswerQuery for Worth {
    const TABLES: &'static [&'static str] = &["products"];

    async fn answer(
        &self,
        tx: &mut tidewire::server::database::ReadTx,
        _: &tidewire::server::Identity,
    ) -> Result<i64, Refusal> {
        let cents = "SELECT CAST(round(coalesce(sum(price), 0) * 100) AS BIGINT) FROM products";
        Ok(tidewire::sql!(tx, |db| sqlx::query_scalar(cents).fetch_one(db))?)
    }
}

#[server(input = leptos::server_fn::codec::Json)]
pub async fn list_products() -> Result<Snapshot<Product>, Refusal> {
    let mut tx = tidewire::server::database()?.read().await?;
    let rows = tidewire::sql!(tx, |db| sqlx::query_as("SELECT * FROM products ORDER BY id")
        .fetch_all(db))?;
    Ok(tx.snapshot(rows))
}

#[server]
pub async fn add_product(name: String, price: f64) -> Result<Written<Product>, Refusal<Product>> {
    let name = checked(&name, price)?;
    let mut tx = tidewire::server::database()?.write().await?;
    let product = tidewire::sql!(tx, |db| sqlx::query_as(
        "INSERT INTO products (name, price) VALUES ($1, $2) RETURNING *"
    )
    .bind(name)
    .bind(price)
    .fetch_one(db))?;
    Ok(tx.commit(Some(product)).await?)
}

/// Changes the product that was read as `was_name` and `was_price`; if it is no longer that, the person
/// decides. The table has no version: the old values say as much.
#[server]
pub async fn change_product(
    id: i64,
    was_name: String,
    was_price: f64,
    name: String,
    price: f64,
) -> Result<Written<Product>, Refusal<Product>> {
    let name = checked(&name, price)?;
    let mut tx = tidewire::server::database()?.write().await?;
    let changed: Option<Product> = tidewire::sql!(tx, |db| sqlx::query_as(
        "UPDATE products SET name = $2, price = $3
         WHERE id = $1 AND name = $4 AND price = $5 RETURNING *"
    )
    .bind(id)
    .bind(name)
    .bind(price)
    .bind(was_name)
    .bind(was_price)
    .fetch_optional(db))?;
    if let Some(product) = changed {
        return Ok(tx.commit(Some(product)).await?);
    }
    let current: Option<Product> =
        tidewire::sql!(tx, |db| sqlx::query_as("SELECT * FROM products WHERE id = $1")
            .bind(id)
            .fetch_optional(db))?;
    Err(current.map_or(Refusal::Gone, |current| Refusal::Conflict { current }))
}

#[server]
pub async fn remove_product(id: i64) -> Result<Written<Product>, Refusal<Product>> {
    let mut tx = tidewire::server::database()?.write().await?;
    tidewire::sql!(tx, |db| sqlx::query("DELETE FROM products WHERE id = $1")
        .bind(id)
        .execute(db))?;
    Ok(tx.commit(None).await?)
}

#[cfg(not(target_arch = "wasm32"))]
fn checked(name: &str, price: f64) -> Result<String, Refusal<Product>> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Refusal::invalid("name", "A product needs a name of at most 100 characters."));
    }
    if !(0.0..=1_000_000.0).contains(&price) {
        return Err(Refusal::invalid("price", "A price lies between 0 and 1,000,000."));
    }
    Ok(name.to_owned())
}
