//! Signing in and up: a guest becomes a user and brings along what they have.

use axum::http::header::USER_AGENT;
use leptos_axum::redirect;
use tidewire::{Refusal, server::Revoked, sql};

use super::{
    Password, adopt, agent,
    context::Call,
    cookies::guest,
    place::within_the_site,
    sessions::{self, now},
    users::{self, User, checked_login, checked_name, checked_password},
};

/// The same for a name that nobody has and for a wrong password.
const WRONG: &str = "The name or the password is wrong.";

pub(super) async fn sign_up(
    name: &str,
    login: &str,
    password: &Password,
    next: &str,
) -> Result<(), Refusal> {
    let call = Call::running()?;
    let signed_up = async {
        let name = checked_name(name)?;
        let login = checked_login(login)?;
        checked_password("password", password)?;
        call.count_sign_up(&login)?;
        let hash = call.passwords().hash(password).await?;
        let mut tx = call.database.write().await?;
        let user = users::add(&mut tx, name, &login, &hash, now()).await?;
        let taken = || Refusal::invalid("login", "Somebody has this name already. Choose another.");
        admit(&call, tx, &user.ok_or_else(taken)?).await
    };
    answer(&call, signed_up.await, name, login, next)
}

pub(super) async fn sign_in(login: &str, password: &Password, next: &str) -> Result<(), Refusal> {
    let call = Call::running()?;
    let signed_in = async {
        let wrong = || Refusal::invalid("password", WRONG);
        // What could not be a name is nobody's, and is counted like others.
        let known = checked_login(login).unwrap_or_default();
        call.count_sign_in(&known)?;
        let mut tx = call.database.read().await?;
        let user: Option<User> = find(&mut tx, &known).await?;
        drop(tx);
        let hash = user.as_ref().map(|user| user.password.clone());
        if !call.passwords().verify(password, hash.clone()).await? {
            return Err(wrong());
        }
        let mut tx = call.database.write().await?;
        // The password may have been changed while it was compared.
        let user = find(&mut tx, &known).await?;
        let user = user.filter(|user| Some(&user.password) == hash.as_ref()).ok_or_else(wrong)?;
        admit(&call, tx, &user).await
    };
    answer(&call, signed_in.await, "", login, next)
}

async fn find(
    tx: &mut impl tidewire::server::database::Transaction,
    login: &str,
) -> Result<Option<User>, sqlx::Error> {
    sql!(tx, |db| sqlx::query_as("SELECT id, name, password FROM users WHERE login = $1")
        .bind(login)
        .fetch_optional(db))
}

/// Begins a session with a token that nobody has had before, and takes the guest's data along. The guest's
/// connections end and come back as the user's; so do those of the session that the browser had.
async fn admit(
    call: &Call,
    mut tx: tidewire::server::database::WriteTx,
    user: &User,
) -> Result<(), Refusal> {
    let agent = call.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let token = sessions::begin(&mut tx, &user.id, &agent::of(agent.unwrap_or("")), now()).await?;
    if let Some(before) = call.cookies().session(&call.headers) {
        let owner = sessions::end(&mut tx, &before).await?;
        // Whoever it was sees one session less.
        if let Some(owner) = owner.filter(|owner| *owner != user.id) {
            tx.revalidate("account", tidewire::contract::Scope::User(&owner)).await?;
        }
    }
    if let Some(secret) = call.cookies().guest(&call.headers) {
        let guest = guest(secret).id().to_string();
        adopt::adopt(&mut tx, &guest, user).await?;
        tx.revoke(&Revoked::User(guest)).await?;
    }
    tx.revalidate("account", tidewire::contract::Scope::User(&user.id)).await?;
    tx.commit::<()>(None).await?;
    call.set_cookie(call.cookies().set_session(&token));
    // Whoever knew the old one is not this browser after it has signed out.
    call.set_cookie(call.cookies().new_guest().1);
    Ok(())
}

fn answer(
    call: &Call,
    entered: Result<(), Refusal>,
    name: &str,
    login: &str,
    next: &str,
) -> Result<(), Refusal> {
    match &entered {
        Ok(()) => redirect(within_the_site(next)),
        Err(_) => call.keep_typed(name, login),
    }
    entered
}
