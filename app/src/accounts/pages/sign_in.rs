//! The page to sign in.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    super::{MAX_LOGIN, MAX_PASSWORD, forms::SignIn, use_me},
    entry::Entry,
};
use crate::{
    shell::PageHead,
    ui::{Button, Card, Field, Variant},
};

#[component]
pub fn SignInPage() -> impl IntoView {
    let entry = Entry::of::<SignIn>();
    let sign_up = entry.beside("/sign-up");
    let signed_in = use_me().account.map(|name| {
        view! {
            <p class="mb-5 text-muted">
                "You are signed in as " {name} ". Signing in as somebody else signs you out."
            </p>
        }
    });
    view! {
        <PageHead
            title="Sign in"
            lead="What you have made as a guest in this browser comes along."
        />
        <Card class="max-w-md">
            {signed_in}
            {entry.notice("You are not signed in")}
            <form method="post" action=SignIn::PATH class="form">
                <input type="hidden" name="next" value=entry.next.clone()/>
                <Field
                    label="Name or e-mail address"
                    name="login"
                    value=entry.login.clone()
                    error=entry.error("login")
                    autofocus=entry.begins_at("login", true)
                    autocomplete="username"
                    maxlength=MAX_LOGIN
                    required=true
                />
                <Field
                    label="Password"
                    name="password"
                    kind="password"
                    error=entry.error("password")
                    autofocus=entry.begins_at("password", false)
                    autocomplete="current-password"
                    maxlength=MAX_PASSWORD
                    required=true
                />
                <div class="form-end">
                    <Button kind="submit" variant=Variant::Primary>"Sign in"</Button>
                    <a class="link" href=sign_up>"Make an account"</a>
                </div>
            </form>
        </Card>
    }
}
