//! The shape of rows that are still being fetched, as tall as the rows will be, so nothing jumps.

use leptos::prelude::*;

use super::with_class;

/// `rows` grey rows inside a `.rows` box, announced once as loading.
#[component]
pub fn Skeleton(
    #[prop(default = 3)] rows: usize,
    #[prop(optional)] class: &'static str,
) -> impl IntoView {
    // Three widths in turn: equal bars would look like a broken table.
    const WIDTHS: [&str; 3] = ["skeleton w-3/5", "skeleton w-2/5", "skeleton w-1/2"];

    view! {
        <div class=with_class("rows", class) role="status" aria-label="Loading">
            {(0..rows)
                .map(|row| {
                    view! {
                        <div class="row">
                            <span class="skeleton h-4.5 w-4.5"></span>
                            <span class="row-main">
                                <span class=WIDTHS[row % 3]></span>
                            </span>
                        </div>
                    }
                })
                .collect_view()}
        </div>
    }
}
