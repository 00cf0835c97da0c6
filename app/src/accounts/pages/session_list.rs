//! The browsers that are signed in, and how to end them.

use leptos::{prelude::*, server_fn::ServerFn};
use tidewire::reactive::LiveValue;

use super::{
    super::forms::{AccountFacts, EndOtherSessions, EndSession, MySession},
    entry::Entry,
};
use crate::ui::{Badge, Button, Card, Moment, Size, Tone, Variant};

#[component]
pub fn SessionList(
    account: LiveValue<AccountFacts>,
    /// What became of ending one.
    entry: Entry,
) -> impl IntoView {
    let sessions = move || account.get().map(|account| account.sessions).unwrap_or_default();
    let others = Memo::new(move |_| sessions().iter().any(|session| !session.this));
    let end_others = move || {
        others.get().then(|| {
            view! {
                <form method="post" action=EndOtherSessions::PATH>
                    <Button kind="submit" size=Size::Small variant=Variant::Danger>
                        "Sign out everywhere else"
                    </Button>
                </form>
            }
        })
    };
    view! {
        <Card
            title="Where you are signed in"
            text="Ending one ends its connections at once."
            actions=move || end_others
            flush=true
        >
            <div class="px-5">{entry.notice("Nothing was ended")}</div>
            <ul class="rows" aria-label="Sessions">
                <For each=sessions key=|session| session.id.clone() children=session/>
            </ul>
        </Card>
    }
}

fn session(session: MySession) -> impl IntoView {
    let MySession { id, agent, created, seen, this } = session;
    let label = ["Sign out ", &agent].concat();
    let end = (!this).then(|| {
        view! {
            <form method="post" action=EndSession::PATH>
                <input type="hidden" name="id" value=id/>
                <button
                    type="submit"
                    class="btn"
                    data-variant="secondary"
                    data-size="sm"
                    aria-label=label
                >
                    "Sign out"
                </button>
            </form>
        }
    });
    view! {
        <li class="row">
            <div class="row-main py-2">
                <p class="font-medium">
                    {agent} " "
                    {this.then(|| view! { <Badge tone=Tone::Success>"This browser"</Badge> })}
                </p>
                <p class="text-sm text-muted">
                    "Since " <Moment ms=created/> ", last seen " <Moment ms=seen/>
                </p>
            </div>
            {end}
        </li>
    }
}
