//! The JavaScript of documents, run as it stands there: Fluxbase's quick start, and the whole client of
//! `docs/protocol.md`. Needs `node`; without it nothing is shown.

use std::{path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::support::{PATIENCE, TestServer, eventually, post_body};

/// A running script, which prints one JSON a line.
struct Script {
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Script {
    /// Runs it with node; `None` when this machine has none.
    fn run(script: &str) -> Option<Self> {
        let child = Command::new("node")
            .args(["--no-warnings", "--experimental-websocket", "--eval", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        match child {
            Ok(mut child) => {
                let output = child.stdout.take().expect("its output");
                Some(Self { lines: BufReader::new(output).lines(), _child: child })
            }
            Err(error) => {
                println!("skipped, node does not run: {error}");
                None
            }
        }
    }

    async fn next(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("a line in time");
        let line = line.expect("text").expect("the script runs");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"))
    }
}

/// As the document has it, but for the address and what `console.log` writes.
const FLUXBASE: &str = r#"
const log = (...args) => process.stdout.write(JSON.stringify(args) + '\n');
const ws = new WebSocket('ws://ADDRESS/realtime?token=YOUR_JWT_TOKEN');

ws.onopen = () => {
  log('Connected to Fluxbase realtime');
  ws.send(JSON.stringify({
    type: 'subscribe',
    channel: 'table:public.products'
  }));
};

ws.onmessage = (event) => {
  const message = JSON.parse(event.data);

  switch (message.type) {
    case 'broadcast':
      log('Database change:', message.payload);
      // Handle INSERT, UPDATE, or DELETE
      break;
    case 'ack':
      log('Subscription confirmed');
      break;
    case 'heartbeat':
      // Connection is alive
      break;
  }
};
"#;

#[tokio::test]
async fn spec_fb1_the_javascript_of_the_fluxbase_document_works_unchanged() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    // An address takes a ticket in the place of a token.
    let answer = post_body(server.address, "/realtime/ticket", &[], "").await.json();
    let script = FLUXBASE.replace("ADDRESS", &server.address.to_string());
    let script = script.replace("YOUR_JWT_TOKEN", answer["ticket"].as_str().expect("a ticket"));
    if let Some(mut script) = Script::run(&script) {
        assert_eq!(script.next().await, json!(["Connected to Fluxbase realtime"]));
        assert_eq!(script.next().await, json!(["Subscription confirmed"]));
        writer.run("INSERT INTO products (id, name, price) VALUES (123, 'New', 99.99)").await;
        let record = json!({"id": 123, "name": "New", "price": 99.99});
        let payload =
            json!({"type": "INSERT", "table": "products", "schema": "public", "record": record});
        assert_eq!(script.next().await, json!(["Database change:", payload]));
    }
    server.stop().await;
}

/// The script between ```` ```js ```` and the next fence.
fn documented_client() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let document = std::fs::read_to_string(path).expect("docs/protocol.md is there");
    let (_, rest) = document.split_once("```js\n").expect("a script");
    rest.split_once("```").expect("its end").0.to_owned()
}

/// Browsers report a failed attempt with a close event; node 20 leaves it out.
const CLOSE_AFTER_FAILURE: &str = r#"
globalThis.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url);
    let opened = false, closed = false;
    this.addEventListener('open', () => { opened = true; });
    this.addEventListener('close', () => { closed = true; });
    this.addEventListener('error', () => setTimeout(() => opened || closed || this.onclose({ code: 1006 }), 20));
  }
};
"#;

const HARNESS: &str = r#"
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n');
const load = async () => {
  const headers = { 'Content-Type': 'application/json', 'Accept': 'application/json' };
  for (;;) {
    try {
      const answer = await fetch('http://ADDRESS/api/app/products/model/list_products', { method: 'POST', headers, body: '{}' });
      return await answer.json();
    } catch { await new Promise((again) => setTimeout(again, 20)); }
  }
};
const held = new Map();
live('ws://ADDRESS/realtime', 'resource:product', load, (rows, change) => {
  if (rows) { held.clear(); for (const row of rows) held.set(row.id, row); }
  else if (change.record) held.set(change.record.id, change.record);
  else held.delete(change.old_record.id);
  say({ by: rows ? 'load' : 'change', rows: [...held.values()].map((row) => row.name).sort() });
});
"#;

#[tokio::test]
async fn spec_nx4_the_documented_client_comes_back_and_misses_nothing() {
    let mut server = TestServer::start().await;
    let (address, folder) = (server.address, server.folder());
    let writer = server.writer().await;
    let script = CLOSE_AFTER_FAILURE.to_owned()
        + &documented_client()
        + &HARNESS.replace("ADDRESS", &address.to_string());
    let Some(mut script) = Script::run(&script) else { return server.stop().await };
    let first = script.next().await;
    assert_eq!(first, json!({"by": "load", "rows": ["Deck cleat", "Signal lamp", "Tide gauge"]}));
    eventually("it has subscribed", async || server.realtime.stats().subscriptions == 1).await;
    for restarted in [false, true] {
        if restarted {
            server.stop_now().await;
            writer.run("INSERT INTO products (id, name) VALUES (50, 'While away')").await;
            writer.run("UPDATE products SET name = 'Buoy' WHERE id = 2").await;
            server = TestServer::start_in(folder.clone(), |c| c.address = address).await;
            assert_eq!(script.next().await["by"], "change", "nothing is loaded again");
            let rows = script.next().await["rows"].clone();
            assert_eq!(rows, json!(["Buoy", "Deck cleat", "While away"]));
        } else {
            writer.run("DELETE FROM products WHERE id = 1").await;
            let rows = json!(["Deck cleat", "Signal lamp"]);
            assert_eq!(script.next().await, json!({"by": "change", "rows": rows}));
        }
    }
    drop(script);
    server.stop().await;
}
