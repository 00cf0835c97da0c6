//! Your application: the document, the routes, one folder a feature.

pub mod accounts;
pub mod home;
#[cfg(not(target_arch = "wasm32"))]
pub mod keys;
pub mod notes;
#[cfg(not(target_arch = "wasm32"))]
pub mod policy;
pub mod products;
pub mod shell;
pub mod todos;
pub mod ui;

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};
use tidewire::reactive::{ClientConfig, provide_live};

use shell::{ConnectionBadge, ConnectionNotice, FrameStrip, Layout};

/// The hashes of this crate's wire types: a page that was built from others is told to reload.
pub const CONTRACT: &str = env!("TIDEWIRE_CONTRACT");

/// The migrations, which the server applies when it starts.
#[cfg(not(target_arch = "wasm32"))]
pub static MIGRATIONS: tidewire::server::database::Migrator = sqlx::migrate!("migrations/sqlite");

/// The live resources and queries, and the rules for them: a new one adds its line here.
#[cfg(not(target_arch = "wasm32"))]
pub fn resources(builder: tidewire::server::Builder) -> tidewire::server::Builder {
    builder
        .resource::<todos::Todo>()
        .resource::<products::Product>()
        .query::<products::Worth>()
        .guarded::<notes::Note>()
        .messages_checked(policy::typing_as_oneself)
        .presence_checked("page", policy::present_as_oneself)
        .policy(policy::rules())
        .contract(CONTRACT)
}

/// The document around the application.
pub fn document(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                {shell::head(use_nonce().map(|nonce| nonce.to_string()))}
                <AutoReload options=options.clone()/>
                <HydrationScripts options=options.clone()/>
                <HashedStylesheet id="leptos" options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The application: the connection, the frame, the routes.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_live(ClientConfig { contract: Some(CONTRACT.into()), ..ClientConfig::default() });
    accounts::provide_me();
    view! {
        <Title formatter=|page: String| if page.is_empty() { "Tidewire".into() } else { page + " · Tidewire" }/>
        <Router>
            <Layout
                status=|| view! { <ConnectionBadge/> }
                user=|| view! { <accounts::UserMenu/> }
                strip=|| view! { <FrameStrip/> }
            >
                <ConnectionNotice/>
                <FlatRoutes fallback=NotFound>
                    <Route path=path!("/") view=home::HomePage ssr=SsrMode::Async/>
                    <Route path=path!("/todos") view=todos::TodosPage ssr=SsrMode::Async/>
                    <Route path=path!("/products") view=products::ProductsPage ssr=SsrMode::Async/>
                    <Route path=path!("/notes") view=notes::NotesPage ssr=SsrMode::Async/>
                    <Route path=path!("/sign-in") view=accounts::SignInPage ssr=SsrMode::Async/>
                    <Route path=path!("/sign-up") view=accounts::SignUpPage ssr=SsrMode::Async/>
                    <Route path=path!("/account") view=accounts::AccountPage ssr=SsrMode::Async/>
                </FlatRoutes>
            </Layout>
        </Router>
    }
}

#[component]
fn NotFound() -> impl IntoView {
    view! {
        <shell::PageHead title="There is no such page" lead="The address may be old or mistyped."/>
        <ui::ButtonLink href="/">"To the start"</ui::ButtonLink>
    }
}
