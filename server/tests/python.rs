//! The client in Python, which was written from `docs/protocol.md` alone, against the real server.

#[allow(unused_imports, reason = "a client in another language brings most of it itself")]
mod support;

use std::{io::ErrorKind, net::SocketAddr, path::Path, time::Duration};

use tempfile::TempDir;
use tidewire::contract::Limits;
use tokio::{process::Command, time::timeout};

use support::{Binary, TestServer, declare, new_folder};

/// What the client is tried on against the product as it ships: modules of `clients/python`.
const MODULES: [&str; 7] = [
    "test_rules",
    "test_client",
    "test_event_streams",
    "test_presence",
    "test_operations",
    "test_queries",
    "test_tokens",
];
/// How long all of it may take.
const AT_MOST: Duration = Duration::from_secs(300);
/// What it proves itself with where only servers may ask.
const KEY: &str = "a key for tests";
/// What it signs its tokens with.
const SECRET: &str = "f00dcafe-the-tests-sign-their-tokens-by-this";

#[tokio::test]
async fn spec_fb1_a_client_written_from_the_document_alone_works() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("python.db");
    let settings = [("TIDEWIRE_BROADCAST_KEY", KEY), ("TIDEWIRE_TOKEN_SECRET", SECRET)];
    let server = Binary::start_with("127.0.0.1:0", &file, &settings).await;
    run(&MODULES, server.address, &file, [("TIDEWIRE_QUERY", "worth")]).await;
}

#[tokio::test]
async fn spec_fb1_spec_fb9_that_client_is_replayed_the_durable_messages_it_missed() {
    let server = TestServer::start_with(new_folder(), Limits::default(), declare).await;
    let order = ("TIDEWIRE_DURABLE", "order:1 {\"number\":1,\"note\":\"\"}");
    run(&["test_durable"], server.address, &server.file(), [order]).await;
    server.stop().await;
}

async fn run(modules: &[&str], address: SocketAddr, file: &Path, settings: [(&str, &str); 1]) {
    let run = Command::new("python3")
        .args(["-B", "-m", "unittest"])
        .args(modules)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/python"))
        .env("TIDEWIRE_URL", format!("http://{address}"))
        .env("TIDEWIRE_DATABASE", file)
        .env("TIDEWIRE_BROADCAST_KEY", KEY)
        .env("TIDEWIRE_TOKEN_SECRET", SECRET)
        .envs(settings)
        .kill_on_drop(true)
        .output();
    let output = match timeout(AT_MOST, run).await.expect("the Python tests end in time") {
        Err(error) if error.kind() == ErrorKind::NotFound => panic!(
            "python3 is missing. Install version 3.9 or newer: `apt-get install python3` on Debian and Ubuntu, \
             `brew install python` on macOS, or from https://www.python.org/downloads/"
        ),
        output => output.expect("python3 runs"),
    };
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}
