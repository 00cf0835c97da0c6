//! The server functions of accounts. All but the first are the actions of plain forms, which the browser
//! posts itself with JavaScript, too: who the page is for changes with them, so it is loaded anew.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use tidewire::{Refusal, contract::Reading};

use super::Password;

/// An account as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountFacts {
    pub login: String,
    pub sessions: Vec<MySession>,
}

/// A browser that is signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MySession {
    pub id: String,
    /// Which browser on which system.
    pub agent: String,
    /// When it signed in, in milliseconds after 1970.
    pub created: i64,
    /// When it was last seen, give or take an hour.
    pub seen: i64,
    /// It is the one that asks.
    pub this: bool,
}

#[server(input = leptos::server_fn::codec::Json)]
pub async fn my_account() -> Result<Reading<AccountFacts>, Refusal> {
    let who = super::leave::by_session()?;
    let mut tx = tidewire::server::database()?.read().await?;
    let login =
        tidewire::sql!(tx, |db| sqlx::query_scalar("SELECT login FROM users WHERE id = $1")
            .bind(who.id().as_ref())
            .fetch_one(db))?;
    let sessions = super::sessions::of(&mut tx, who.id()).await?.into_iter();
    let sessions = sessions.map(|session| MySession {
        this: who.credential().is_some_and(|own| **own == *session.id),
        id: session.id,
        agent: session.agent,
        created: session.created,
        seen: session.seen,
    });
    let account = AccountFacts { login, sessions: sessions.collect() };
    Ok(tx.reading(account))
}

/// Makes an account out of the guest that one has been, and goes to `next`.
#[server]
pub async fn sign_up(
    name: String,
    login: String,
    password: Password,
    #[server(default)] next: String,
) -> Result<(), Refusal> {
    super::enter::sign_up(&name, &login, &password, &next).await
}

/// Signs in, and goes to `next`.
#[server]
pub async fn sign_in(
    login: String,
    password: Password,
    #[server(default)] next: String,
) -> Result<(), Refusal> {
    super::enter::sign_in(&login, &password, &next).await
}

#[server]
pub async fn sign_out() -> Result<(), Refusal> {
    super::leave::sign_out().await
}

/// Changes the password and ends all other sessions.
#[server]
pub async fn change_password(current: Password, new: Password) -> Result<(), Refusal> {
    super::password_change::change(&current, &new).await
}

#[server]
pub async fn end_session(id: String) -> Result<(), Refusal> {
    super::leave::end_session(&id).await
}

#[server]
pub async fn end_other_sessions() -> Result<(), Refusal> {
    super::leave::end_other_sessions().await
}
