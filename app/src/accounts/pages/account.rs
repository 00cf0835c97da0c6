//! The account: who one is, the password, the browsers that are signed in. For a guest: what they are.

use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_query_map;
use tidewire::{
    contract::Scope,
    reactive::{LiveValue, Loaded},
};

use super::{
    super::{
        forms::{ChangePassword, EndSession, MyAccount, SignOut},
        use_me,
    },
    entry::Entry,
    password_form::PasswordForm,
    session_list::SessionList,
};
use crate::{
    shell::PageHead,
    ui::{Button, ButtonLink, Card, Notice, Tone, Variant},
};

#[component]
pub fn AccountPage() -> impl IntoView {
    let me = use_me();
    match me.account {
        Some(name) => view! { <Signed name/> }.into_any(),
        None => view! { <Guest name=me.name()/> }.into_any(),
    }
}

#[component]
fn Signed(name: String) -> impl IntoView {
    let account = LiveValue::fetched("account", Scope::User(""), MyAccount {});
    let login = Memo::new(move |_| account.get().map(|account| account.login).unwrap_or_default());
    // Asked for here and not below, where the server comes later than the browser does.
    let (password, session) = (Entry::of::<ChangePassword>(), Entry::of::<EndSession>());
    let done = use_query_map().with_untracked(|query| {
        Some(match query.get_str("done")? {
            _ if query.get_str("__err").is_some() => return None,
            "password" => "The password is changed. You are signed out everywhere else.",
            "session" => "The session has ended.",
            "sessions" => "You are signed out everywhere else.",
            _ => return None,
        })
    });
    view! {
        <PageHead
            title="Account"
            actions=|| {
                view! {
                    <form method="post" action=SignOut::PATH>
                        <Button kind="submit" variant=Variant::Secondary>"Sign out"</Button>
                    </form>
                }
            }
        />
        {done.map(|done| view! { <Notice tone=Tone::Success class="mb-6">{done}</Notice> })}
        <Loaded>
            <div class="grid grid-cols-1 gap-6">
                <Card title="You">
                    <dl class="facts">
                        <dt>"Others call you"</dt>
                        <dd>{name}</dd>
                        <dt>"You sign in as"</dt>
                        <dd>{move || login.get()}</dd>
                    </dl>
                </Card>
                <SessionList account entry=session/>
                <PasswordForm login entry=password/>
            </div>
        </Loaded>
    }
}

#[component]
fn Guest(name: String) -> impl IntoView {
    view! {
        <PageHead title="Account"/>
        <Card title="You are a guest">
            <div class="grid max-w-2xl gap-4">
                <p>
                    "Others call you " <strong>{name}</strong>
                    ". A cookie of this browser is all that makes you this guest: what you write is yours as
                     long as it is there, and in no other browser."
                </p>
                <p>
                    "With an account you have a name, your notes are yours wherever you sign in, and you can
                     end a session that you have left open somewhere. What you have made as a guest comes along."
                </p>
                <div class="flex flex-wrap gap-3">
                    <ButtonLink href="/sign-up?next=/account" variant=Variant::Primary>
                        "Make an account"
                    </ButtonLink>
                    <ButtonLink href="/sign-in?next=/account">"Sign in"</ButtonLink>
                </div>
            </div>
        </Card>
    }
}
