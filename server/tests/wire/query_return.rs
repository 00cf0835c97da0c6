//! Coming back to a live query: an answer if it may have changed, and never an old one.

use std::time::Duration;

use serde_json::json;
use tidewire::contract::Limits;
use tokio::time::{Instant, sleep};

use crate::{
    queries::{TODO, channel, dearer, first, settled, start},
    support::{
        TestServer, get,
        queries::{self, Mine, runs},
    },
};

#[tokio::test]
async fn spec_sy3_who_comes_back_gets_an_answer_only_if_it_may_have_changed() {
    let server = start(Limits::default()).await;
    let writer = server.writer().await;
    let channel = dearer("back", 100);
    let mut client = server.connect().await;
    first(&mut client, &channel).await;
    // Another table moves the log on, so that the position is not the answer's own.
    writer.run(format!("INSERT INTO todos (id, title) VALUES ('{TODO}', 'Another table')")).await;
    server.caught_up().await;
    let unchanged = settled(&mut client).await;
    drop(client);

    let mut client = server.connect().await;
    let ack = client.subscribe_since(&channel, &unchanged).await;
    assert_eq!((&ack["type"], &ack["position"]), (&json!("ack"), &json!(unchanged)));
    assert_eq!(settled(&mut client).await, unchanged, "nothing comes");
    assert_eq!(runs("back"), 1);
    drop(client);

    writer.run("INSERT INTO products (name, price) VALUES ('Missed', 1000)").await;
    server.caught_up().await;
    let mut client = server.connect().await;
    client.subscribe_since(&channel, &unchanged).await;
    assert_eq!(client.message(&channel).await, json!({"result": 2}));
    // Positions that cannot be continued need no resync: the answer is everything.
    for since in ["0123456789abcdef-1", &unchanged.replace('-', "-9999999")] {
        let ack = client.subscribe_since(&channel, since).await;
        assert_eq!(ack["type"], "ack", "{ack}");
        assert_eq!(client.message(&channel).await, json!({"result": 2}));
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_who_was_cut_off_before_the_first_answer_gets_it_on_return() {
    let server = start(Limits::default()).await;
    let channel = dearer("cut", 100);
    let mut client = server.connect().await;
    let position = client.subscribe(&channel).await;
    drop(client);
    let mut client = server.connect().await;
    assert_eq!(client.subscribe_since(&channel, &position).await["type"], "ack");
    assert_eq!(client.message(&channel).await, json!({"result": 1}));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_no_heartbeat_names_a_position_while_an_answer_is_still_to_come() {
    let limits = Limits { query_debounce: Duration::from_millis(500), ..Limits::default() };
    let server = start(limits).await;
    let writer = server.writer().await;
    let channel = dearer("pending", 100);
    let mut client = server.connect().await;
    first(&mut client, &channel).await;
    let before = settled(&mut client).await;
    let began = Instant::now();
    writer.run("UPDATE products SET price = 1000").await;
    server.caught_up().await;
    client.send_json(json!({"type": "heartbeat"})).await;
    let frame = client.next().await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(500), "too slow a machine to tell");
    assert_eq!(frame, json!({"type": "heartbeat"}), "the answer is not there yet");
    drop(client);
    let mut client = server.connect().await;
    client.subscribe_since(&channel, &before).await;
    assert_eq!(client.message(&channel).await, json!({"result": 3}));
    assert_ne!(settled(&mut client).await, before);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_a_restart_asks_again_only_what_may_have_changed() {
    let server = start(Limits::default()).await;
    let folder = server.folder();
    let writer = server.writer().await;
    let (kept, moved) = (dearer("kept", 100), channel(&Mine {}));
    let mut client = server.connect().await;
    first(&mut client, &kept).await;
    first(&mut client, &moved).await;
    let position = settled(&mut client).await;
    drop(client);
    server.stop().await;
    writer
        .run(format!("INSERT INTO todos (id, title) VALUES ('{TODO}', 'While it was away')"))
        .await;

    let server = TestServer::start_with(folder, Limits::default(), queries::add).await;
    let mut client = server.connect().await;
    client.subscribe_since(&kept, &position).await;
    client.subscribe_since(&moved, &position).await;
    assert_eq!(client.message(&moved).await["result"][1], 1);
    settled(&mut client).await;
    assert_eq!(runs("kept"), 1, "its table has not changed");
    writer.run("UPDATE products SET price = 1000").await;
    assert_eq!(client.message(&kept).await, json!({"result": 3}));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx1_a_page_carries_the_answer_with_the_position_of_its_read() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    writer.run("UPDATE products SET price = 1000").await;
    let page = get(server.address, "/").await;
    assert!(page.body.contains("3,000.00"), "readable without scripts");
    let channel = channel(&app::products::Worth {});
    let given =
        page.body.split(&format!("{channel}\\\"")).nth(1).expect("the page carries the answer");
    let position = given.split("\\\"position\\\":\\\"").nth(1).unwrap().split('\\').next().unwrap();
    assert!(
        given.split("</script>").next().unwrap().contains("{\\\"result\\\":300000}"),
        "{given}"
    );

    // From there nothing comes until something changes.
    server.caught_up().await;
    let mut client = server.connect().await;
    assert_eq!(client.subscribe_since(&channel, position).await["position"], position);
    settled(&mut client).await;
    writer.run("UPDATE products SET price = 2000 WHERE id = 1").await;
    assert_eq!(client.message(&channel).await, json!({"result": 400_000}));
    drop(client);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spec_sy3_clients_that_come_and_go_amid_writes_end_with_the_true_answer() {
    // They come more often than one address may otherwise.
    let limits = Limits {
        query_debounce: Duration::from_millis(3),
        connects_per_minute: 1_000_000,
        admissions_per_second: 100_000,
        ..Limits::default()
    };
    let server = start(limits).await;
    let channel = dearer("random", 100);
    let writing = tokio::spawn({
        let writer = server.writer().await;
        async move {
            for n in 0..300 {
                let price = if n % 2 == 0 { 1_000 } else { 1 };
                writer
                    .run(format!("UPDATE products SET price = {price} WHERE id = 1 + {n} % 3"))
                    .await;
                sleep(Duration::from_millis(n % 7)).await;
            }
        }
    });
    let mut shown: [(Option<i64>, Option<String>); 4] = Default::default();
    let mut round = 0;
    loop {
        let last = writing.is_finished();
        for (which, (value, position)) in shown.iter_mut().enumerate() {
            let mut client = server.connect().await;
            let mut frame = json!({"type": "subscribe", "channel": channel});
            if let Some(since) = &position {
                frame["since"] = json!(since);
            }
            client.send_json(frame).await;
            let ack = client.expect("ack").await;
            *position = ack["position"].as_str().map(str::to_owned);
            // Reads a little of what comes, all of it in the last round, and is cut off.
            for step in 0.. {
                if !last && step > (round + which) % 5 {
                    break;
                }
                client.send_json(json!({"type": "heartbeat"})).await;
                let frame = client.next().await.unwrap();
                if frame["type"] == "broadcast" {
                    *value = frame["payload"]["result"].as_i64();
                } else if let Some(moved) = frame["position"].as_str() {
                    *position = Some(moved.to_owned());
                    if last && moved == head(&server).await {
                        break;
                    }
                }
            }
        }
        round += 1;
        if last {
            break;
        }
    }
    writing.await.unwrap();
    let truth = "SELECT CAST(count(*) AS TEXT) FROM products WHERE price > 100";
    let truth = server.writer().await.text(truth).await.unwrap();
    for (value, _) in &shown {
        assert_eq!(value.unwrap().to_string(), truth, "after {round} rounds");
    }
    println!("{round} rounds, asked {} times", runs("random"));
    server.stop().await;
}

async fn head(server: &TestServer) -> String {
    server.realtime.database().read().await.unwrap().position().to_string()
}
