//! The page to make an account.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    super::{MAX_LOGIN, MAX_NAME, MAX_PASSWORD, MIN_PASSWORD, forms::SignUp},
    entry::Entry,
};
use crate::{
    shell::PageHead,
    ui::{Button, Card, Field, Variant},
};

#[component]
pub fn SignUpPage() -> impl IntoView {
    let entry = Entry::of::<SignUp>();
    let sign_in = entry.beside("/sign-in");
    view! {
        <PageHead
            title="Make an account"
            lead="Your notes are then yours in every browser. What you have made as a guest comes along."
        />
        <Card class="max-w-md">
            {entry.notice("There is no account yet")}
            <form method="post" action=SignUp::PATH class="form">
                <input type="hidden" name="next" value=entry.next.clone()/>
                <Field
                    label="Your name"
                    name="name"
                    hint="Others see it: on pages where you are, beside what you share."
                    value=entry.name.clone()
                    error=entry.error("name")
                    autofocus=entry.begins_at("name", true)
                    autocomplete="nickname"
                    maxlength=MAX_NAME
                    required=true
                />
                <Field
                    label="Name or e-mail address to sign in with"
                    name="login"
                    hint="Nobody else sees it."
                    value=entry.login.clone()
                    error=entry.error("login")
                    autofocus=entry.begins_at("login", false)
                    autocomplete="username"
                    maxlength=MAX_LOGIN
                    required=true
                />
                <Field
                    label="Password"
                    name="password"
                    kind="password"
                    hint="At least 10 characters. A few words are good."
                    error=entry.error("password")
                    autofocus=entry.begins_at("password", false)
                    autocomplete="new-password"
                    minlength=MIN_PASSWORD
                    maxlength=MAX_PASSWORD
                    required=true
                />
                <div class="form-end">
                    <Button kind="submit" variant=Variant::Primary>"Make the account"</Button>
                    <a class="link" href=sign_in>"I have one: sign in"</a>
                </div>
            </form>
        </Card>
    }
}
