//! Who the page is for, in the header.

use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_location;

use super::{
    super::{forms::SignOut, use_me},
    entry::escaped,
};

/// A guest may sign in, and comes back to this page; a user gets to their account, or signs out.
#[component]
pub fn UserMenu() -> impl IntoView {
    match use_me().account {
        Some(name) => view! {
            <div class="user">
                <a class="user-name" href="/account" title="Your account">
                    {name}
                </a>
                <form method="post" action=SignOut::PATH>
                    <button type="submit" class="btn" data-variant="ghost" data-size="sm">
                        "Sign out"
                    </button>
                </form>
            </div>
        }
        .into_any(),
        None => {
            let here = use_location().pathname;
            let href = move || here.with(|here| sign_in(here));
            view! {
                <div class="user">
                    <a class="btn" data-variant="ghost" data-size="sm" href=href>
                        "Sign in"
                    </a>
                </div>
            }
            .into_any()
        }
    }
}

fn sign_in(here: &str) -> String {
    if ["/", "/sign-in", "/sign-up"].contains(&here) {
        return "/sign-in".to_owned();
    }
    ["/sign-in?next=", &escaped(here)].concat()
}

#[cfg(test)]
mod tests {
    use super::sign_in;

    #[test]
    fn signing_in_leads_back_to_where_one_was() {
        assert_eq!(sign_in("/"), "/sign-in");
        assert_eq!(sign_in("/sign-up"), "/sign-in");
        assert_eq!(sign_in("/notes"), "/sign-in?next=/notes");
    }
}
