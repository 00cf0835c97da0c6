//! The form for another password.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    super::{MAX_PASSWORD, MIN_PASSWORD, forms::ChangePassword},
    entry::Entry,
};
use crate::ui::{Button, Card, Field, Variant};

#[component]
pub fn PasswordForm(
    /// What one signs in with, for password managers.
    #[prop(into)]
    login: Signal<String>,
    /// What became of the form.
    entry: Entry,
) -> impl IntoView {
    view! {
        <Card title="Password" text="Changing it signs you out everywhere else.">
            {entry.notice("The password is the old one")}
            <form method="post" action=ChangePassword::PATH class="form max-w-sm">
                <input
                    class="sr-only"
                    type="text"
                    autocomplete="username"
                    aria-label="Signed in as"
                    tabindex="-1"
                    readonly
                    value=move || login.get()
                />
                <Field
                    label="Current password"
                    name="current"
                    kind="password"
                    error=entry.error("current")
                    autofocus=entry.begins_at("current", false)
                    autocomplete="current-password"
                    maxlength=MAX_PASSWORD
                    required=true
                />
                <Field
                    label="New password"
                    name="new"
                    kind="password"
                    hint="At least 10 characters. A few words are good."
                    error=entry.error("new")
                    autofocus=entry.begins_at("new", false)
                    autocomplete="new-password"
                    minlength=MIN_PASSWORD
                    maxlength=MAX_PASSWORD
                    required=true
                />
                <div class="form-end">
                    <Button kind="submit" variant=Variant::Primary>"Change the password"</Button>
                </div>
            </form>
        </Card>
    }
}
