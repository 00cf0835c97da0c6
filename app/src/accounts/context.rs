//! What server functions find in their context: who calls, and what accounts are made with.

use std::{net::IpAddr, sync::Arc};

use axum::http::{HeaderMap, HeaderValue, header::SET_COOKIE, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use tidewire::{
    LiveError, Refusal, RowId,
    server::{Attempts, Database, Identity},
};

use super::{AccountLimits, Cookies, cookies::Typed, guest_name, passwords::Passwords};

/// What accounts are made with: the server provides it. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    cookies: Cookies,
    passwords: Passwords,
    sign_ins: Attempts,
    sign_ups: Attempts,
    names: Attempts,
}

/// Where a request comes from, as far as that can be trusted: the server puts it into the request.
#[derive(Clone, Copy)]
pub struct ClientAddress(pub Option<IpAddr>);

/// Who makes the running request: the guest or the user whose cookie it is.
pub fn visitor() -> Identity {
    use_context().unwrap_or_else(|| {
        tracing::error!("no Identity in the context of a server function");
        Identity::guest(RowId::new().to_string())
    })
}

/// The person who makes the running request.
///
/// # Errors
/// `SignIn` for a guest.
pub fn signed_in<T>() -> Result<Identity, Refusal<T>> {
    let visitor = visitor();
    if visitor.signed_in().is_some() { Ok(visitor) } else { Err(Refusal::SignIn) }
}

/// What others call somebody.
pub fn shown_name(who: &Identity) -> String {
    who.name().map_or_else(|| guest_name(who.id()), str::to_owned)
}

impl Accounts {
    /// With these cookies and limits.
    pub fn new(cookies: Cookies, limits: AccountLimits) -> Self {
        let attempts = |limit, most| Attempts::new(limit, most, limits.window);
        Self(Arc::new(Inner {
            cookies,
            passwords: Passwords::new(),
            sign_ins: attempts("sign_ins_per_address", limits.sign_ins_per_address),
            sign_ups: attempts("sign_ups_per_address", limits.sign_ups_per_address),
            names: attempts("attempts_per_name", limits.attempts_per_name),
        }))
    }
}

/// The running call of one of the forms.
pub(super) struct Call {
    pub(super) database: Database,
    pub(super) headers: HeaderMap,
    accounts: Accounts,
    address: Option<IpAddr>,
    response: ResponseOptions,
}

impl Call {
    /// The call that runs now.
    ///
    /// # Errors
    /// `Failed` when the server did not provide what it needs.
    pub(super) fn running() -> Result<Self, Refusal> {
        let found = || {
            let parts = use_context::<Parts>()?;
            Some(Self {
                database: use_context()?,
                accounts: use_context()?,
                response: use_context()?,
                address: parts.extensions.get().and_then(|ClientAddress(address)| *address),
                headers: parts.headers,
            })
        };
        found().ok_or_else(|| {
            tracing::error!("what accounts need is not in the context of a server function");
            Refusal::Failed { message: "The server is not set up for this.".into() }
        })
    }

    pub(super) fn cookies(&self) -> Cookies {
        self.accounts.0.cookies
    }

    pub(super) fn passwords(&self) -> &Passwords {
        &self.accounts.0.passwords
    }

    /// Counts an attempt to sign in under this name.
    pub(super) fn count_sign_in(&self, login: &str) -> Result<(), Refusal> {
        let limits = &self.accounts.0;
        limits.sign_ins.of_address(self.address).map_err(too_many)?;
        limits.names.at_name(login).map_err(too_many)
    }

    /// Counts an attempt to make an account of this name.
    pub(super) fn count_sign_up(&self, login: &str) -> Result<(), Refusal> {
        let limits = &self.accounts.0;
        limits.sign_ups.of_address(self.address).map_err(too_many)?;
        limits.names.at_name(login).map_err(too_many)
    }

    pub(super) fn set_cookie(&self, cookie: HeaderValue) {
        self.response.append_header(SET_COOKIE, cookie);
    }

    /// Keeps what was typed for the page that says what was wrong with it.
    pub(super) fn keep_typed(&self, name: &str, login: &str) {
        let typed = Typed { name: name.into(), login: login.into() };
        self.set_cookie(self.cookies().set_typed(&typed));
    }

    /// From now on the browser is a guest that has not been there before.
    pub(super) fn forget_session(&self) {
        self.set_cookie(self.cookies().clear_session());
        self.set_cookie(self.cookies().new_guest().1);
    }
}

/// What was typed into the refused form that led to the page which is rendered now.
pub(super) fn typed() -> Option<Typed> {
    let cookies = use_context::<Accounts>()?.0.cookies;
    cookies.typed(&use_context::<Parts>()?.headers)
}

fn too_many(error: LiveError) -> Refusal {
    let retry_after_ms = error.retry_after_ms.unwrap_or_default();
    Refusal::TooMany { message: error.message, retry_after_ms }
}
