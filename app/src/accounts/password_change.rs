//! A new password. Whoever knew the old one, or has stolen a cookie, is out.

use leptos_axum::redirect;
use tidewire::{Refusal, contract::Scope, server::Revoked, sql};

use super::{Password, Token, context::Call, leave::by_session, users::checked_password};

pub(super) async fn change(current: &Password, new: &Password) -> Result<(), Refusal> {
    let call = Call::running()?;
    let who = by_session()?;
    let own = call.cookies().session(&call.headers).ok_or(Refusal::SignIn)?;
    checked_password("new", new)?;
    let user = who.id().as_ref();
    let mut tx = call.database.read().await?;
    let found: Option<(String, String)> =
        sql!(tx, |db| sqlx::query_as("SELECT login, password FROM users WHERE id = $1")
            .bind(user)
            .fetch_optional(db))?;
    drop(tx);
    let (login, hash) = found.ok_or(Refusal::SignIn)?;
    // A stolen session must not be a way to guess the password.
    call.count_sign_in(&login)?;
    if !call.passwords().verify(current, Some(hash.clone())).await? {
        return Err(Refusal::invalid("current", "This is not your password."));
    }
    let new_hash = call.passwords().hash(new).await?;
    let token = Token::new();
    let mut tx = call.database.write().await?;
    let changed = sql!(tx, |db| sqlx::query(
        "UPDATE users SET password = $3 WHERE id = $1 AND password = $2"
    )
    .bind(user)
    .bind(&hash)
    .bind(&new_hash)
    .execute(db))?;
    // This browser's session goes on under another token: of the old one there may be a copy.
    let kept = sql!(tx, |db| sqlx::query("UPDATE sessions SET token = $2 WHERE token = $1")
        .bind(own.hash())
        .bind(token.hash())
        .execute(db))?;
    if (changed.rows_affected(), kept.rows_affected()) != (1, 1) {
        let message = "Your account was changed somewhere else just now. Please try again.";
        return Err(Refusal::Failed { message: message.into() });
    }
    sql!(tx, |db| sqlx::query("DELETE FROM sessions WHERE owner = $1 AND token <> $2")
        .bind(user)
        .bind(token.hash())
        .execute(db))?;
    tx.revoke(&Revoked::User(user.to_owned())).await?;
    tx.revalidate("account", Scope::User(user)).await?;
    tx.commit::<()>(None).await?;
    call.set_cookie(call.cookies().set_session(&token));
    redirect("/account?done=password");
    Ok(())
}
