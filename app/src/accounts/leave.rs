//! Signing out: here, somewhere else, or everywhere else.

use leptos_axum::redirect;
use tidewire::{
    Refusal,
    contract::Scope,
    server::{Identity, Revoked, database::WriteTx},
    sql,
};

use super::{
    context::{Call, visitor},
    sessions,
};

pub(super) async fn sign_out() -> Result<(), Refusal> {
    let call = Call::running()?;
    if let Some(token) = call.cookies().session(&call.headers) {
        let mut tx = call.database.write().await?;
        if let Some(user) = sessions::end(&mut tx, &token).await? {
            tx.revalidate("account", Scope::User(&user)).await?;
        }
        tx.commit::<()>(None).await?;
    }
    call.forget_session();
    redirect("/");
    Ok(())
}

pub(super) async fn end_session(id: &str) -> Result<(), Refusal> {
    let call = Call::running()?;
    let who = by_session()?;
    let mut tx = call.database.write().await?;
    let ended: Option<String> = sql!(tx, |db| sqlx::query_scalar(
        "DELETE FROM sessions WHERE id = $1 AND owner = $2 RETURNING id"
    )
    .bind(id)
    .bind(who.id().as_ref())
    .fetch_optional(db))?;
    let ended = ended.ok_or(Refusal::Gone)?;
    revoke(&mut tx, &who, vec![ended]).await?;
    tx.commit::<()>(None).await?;
    if who.credential().is_some_and(|own| **own == *id) {
        call.forget_session();
        redirect("/");
    } else {
        redirect("/account?done=session");
    }
    Ok(())
}

pub(super) async fn end_other_sessions() -> Result<(), Refusal> {
    let call = Call::running()?;
    let who = by_session()?;
    let mut tx = call.database.write().await?;
    let ended: Vec<String> = sql!(tx, |db| sqlx::query_scalar(
        "DELETE FROM sessions WHERE owner = $1 AND id <> $2 RETURNING id"
    )
    .bind(who.id().as_ref())
    .bind(who.credential().map(AsRef::as_ref).unwrap_or_default())
    .fetch_all(db))?;
    revoke(&mut tx, &who, ended).await?;
    tx.commit::<()>(None).await?;
    redirect("/account?done=sessions");
    Ok(())
}

/// The person who has signed in with this browser. A token of theirs does not do: it may be for less.
pub(super) fn by_session() -> Result<Identity, Refusal> {
    let visitor = visitor();
    let session = visitor.signed_in().is_some() && !visitor.is_limited();
    if session && visitor.credential().is_some() { Ok(visitor) } else { Err(Refusal::SignIn) }
}

async fn revoke(tx: &mut WriteTx, who: &Identity, sessions: Vec<String>) -> Result<(), Refusal> {
    for session in sessions {
        tx.revoke(&Revoked::Credential(session)).await?;
    }
    Ok(tx.revalidate("account", Scope::User(who.id())).await?)
}
