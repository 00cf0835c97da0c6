//! A plain HTML form that works without JavaScript, and with it shows its effect at once.

use leptos::{ev::SubmitEvent, prelude::*};

use super::{Fields, Writer, platform};
use crate::contract::Live;

/// `<LiveForm writer=add>…inputs and a button…</LiveForm>`. Before the page is hydrated, or where it
/// never is, the browser posts it and is sent back to the page.
#[component]
pub fn LiveForm<T>(
    /// Where it goes and what it shows meanwhile.
    writer: Writer<T>,
    /// Completes the fields before they are sent, for instance by a new id.
    #[prop(optional, into)]
    prepare: Option<Callback<Fields, Fields>>,
    /// Empties the inputs when it is sent. They get their text back when the write is refused.
    #[prop(optional)]
    reset: bool,
    /// Runs once the write was kept (`true`) or refused.
    #[prop(optional, into)]
    done: Option<Callback<bool>>,
    /// Runs when it is sent, before the answer.
    #[prop(optional, into)]
    sent: Option<Callback<()>>,
    /// CSS classes.
    #[prop(optional)]
    class: &'static str,
    /// Inputs and a button.
    children: Children,
) -> impl IntoView
where
    T: Live,
{
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some((fields, form)) = platform::fields(&event) else { return };
        let fields = match prepare {
            Some(prepare) => prepare.run(fields),
            None => fields,
        };
        let typed = fields.clone();
        if let Some(sent) = sent {
            sent.run(());
        }
        if reset {
            form.reset();
        }
        let answered = move |kept: bool| {
            if !kept && reset {
                form.restore(&typed);
            }
            if let Some(done) = done {
                // The page may have been left while the answer was on its way.
                done.try_run(kept);
            }
        };
        writer.send(fields, Box::new(answered));
    };
    view! {
        <form method="post" action=writer.url() class=class on:submit=submit>
            {children()}
        </form>
    }
}
