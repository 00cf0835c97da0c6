//! Header, navigation, main, footer, and the strip at the bottom.

use leptos::prelude::*;

use super::{Logo, Nav, ThemeToggle};

/// The frame around every page. Stands inside `<Router>` and around the routes, so it stays while pages change.
#[component]
pub fn Layout(
    /// A small badge in the header: the connection's state.
    #[prop(optional, into)]
    status: ViewFnOnce,
    /// Who the page is for, beside the navigation.
    #[prop(optional, into)]
    user: ViewFnOnce,
    /// What stands at the bottom of the window on every page, usually a [`Drawer`](super::Drawer). It has its own place
    /// below the footer and sticks to the window's edge, so it never covers the end of the content.
    #[prop(optional, into)]
    strip: Option<ViewFnOnce>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="flex min-h-dvh flex-col overflow-x-clip">
            // `external` keeps the router out of it: the browser itself moves the focus.
            <a href="#main" rel="external" class="skip">
                "Skip to content"
            </a>
            <header class="shell-header">
                <div class="wrap shell-bar">
                    <a href="/" class="shell-logo" aria-label="Tidewire, home">
                        <Logo/>
                        "Tidewire"
                    </a>
                    <div class="shell-middle">
                        <Nav/>
                        {user.run()}
                    </div>
                    <div class="shell-end">
                        {status.run()} <ThemeToggle/>
                    </div>
                </div>
            </header>
            <main id="main" tabindex="-1" class="wrap flex-1">
                {children()}
            </main>
            <footer class="shell-footer">
                <div class="shell-tide" aria-hidden="true"></div>
                <div class="wrap flex flex-wrap items-center justify-between gap-x-6 gap-y-1 py-5">
                    <p>"Tidewire. The database publishes; the page remembers where it read."</p>
                    <p>"MIT or Apache-2.0"</p>
                </div>
            </footer>
            {strip
                .map(|strip| {
                    view! {
                        <aside class="shell-strip" aria-label="Activity">
                            {strip.run()}
                        </aside>
                    }
                })}
        </div>
    }
}
