//! The client in Python, which was written from `docs/protocol.md` alone, against the real server.

#[allow(unused_imports, reason = "a client in another language brings most of it itself")]
mod support;

use std::{io::ErrorKind, path::Path, time::Duration};

use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use support::Binary;

/// What the client is tried on: the modules of `clients/python`.
const MODULES: [&str; 4] = ["test_rules", "test_client", "test_durable", "test_event_streams"];
/// How long all of it may take.
const AT_MOST: Duration = Duration::from_secs(300);
/// What it proves itself with where only servers may ask.
const KEY: &str = "a key for tests";

#[tokio::test]
async fn spec_fb1_a_client_written_from_the_document_alone_works() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("python.db");
    let server = Binary::start_with("127.0.0.1:0", &file, &[("TIDEWIRE_BROADCAST_KEY", KEY)]).await;
    let run = Command::new("python3")
        .args(["-B", "-m", "unittest"])
        .args(MODULES)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/python"))
        .env("TIDEWIRE_URL", format!("http://{}", server.address))
        .env("TIDEWIRE_DATABASE", &file)
        .env("TIDEWIRE_BROADCAST_KEY", KEY)
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
