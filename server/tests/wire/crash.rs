//! `kill -9` in the middle of writing, twice, with the typed client: everybody ends with what the
//! database holds.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use app::{products::model::Product, todos::Todo};
use sqlx::{FromRow, sqlite::SqliteRow};
use tidewire::{
    Change, Live, RowId, Snapshot,
    client::{
        ClientConfig, ClientEvent, NativeClient, NativeSubscription, rows::Rows, strategy::Strategy,
    },
};

use crate::support::{Binary, Writer, eventually, file, new_folder, post_json, snapshot, until};

/// A list as a page holds it: a snapshot, then the changes after it.
struct LiveRows<T: Live> {
    rows: Arc<Mutex<Rows<T>>>,
    resyncs: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl<T: Live> LiveRows<T> {
    async fn open(client: &NativeClient, address: SocketAddr, function: &'static str) -> Self {
        let rows = Arc::new(Mutex::new(Rows::new(Strategy::Replace, None)));
        let resyncs = Arc::new(AtomicUsize::new(0));
        let first: Snapshot<T> = load(address, function).await;
        let subscription = client.subscribe(T::all().name(), Some(first.position));
        rows.lock().unwrap().load(first);
        let follow = follow(rows.clone(), resyncs.clone(), subscription, address, function);
        Self { rows, resyncs, task: tokio::spawn(follow) }
    }

    fn sorted(&self) -> Vec<T> {
        let rows = self.rows.lock().unwrap();
        let mut ids = rows.ids();
        ids.sort();
        ids.iter().map(|id| rows.get(id).expect("it is shown").clone()).collect()
    }
}

async fn follow<T: Live>(
    rows: Arc<Mutex<Rows<T>>>,
    resyncs: Arc<AtomicUsize>,
    mut subscription: NativeSubscription,
    address: SocketAddr,
    function: &'static str,
) {
    while let Some(event) = subscription.next().await {
        match event {
            ClientEvent::Change { position, payload } => {
                let change: Change<T> =
                    serde_json::from_str(payload.get()).expect("a row of its type");
                rows.lock().unwrap().apply(position, change);
            }
            ClientEvent::Resync { .. } => {
                resyncs.fetch_add(1, Ordering::Relaxed);
                let again: Snapshot<T> = load(address, function).await;
                subscription.rebase(again.position);
                rows.lock().unwrap().load(again);
            }
            ClientEvent::Ready { position: Some(position) } => {
                rows.lock().unwrap().advance(position);
            }
            ClientEvent::Ready { .. } | ClientEvent::Message { .. } | ClientEvent::Presence(_) => {}
            ClientEvent::Refused(error) => panic!("{error}"),
        }
    }
}

/// The server function's answer, as soon as there is a server.
async fn load<T: Live>(address: SocketAddr, function: &str) -> Snapshot<T> {
    let answer = until("a snapshot", || async { snapshot(address, function).await.ok() }).await;
    serde_json::from_value(answer).expect("a snapshot of its type")
}

fn client(address: SocketAddr) -> NativeClient {
    NativeClient::start(ClientConfig {
        delay: Duration::from_millis(20),
        max_delay: Duration::from_millis(200),
        ..ClientConfig::new(format!("ws://{address}/realtime"))
    })
}

/// 500 writes of another program, straight into the file: new rows, changes, removals.
async fn write_from_outside(writer: Writer, count: Arc<AtomicUsize>) {
    for n in 0..500 {
        let sql = match n % 5 {
            0 | 1 => format!("INSERT INTO products (name, price) VALUES ('p{n}', {n})"),
            2 => format!(
                "UPDATE products SET price = price + 1, name = 'u{n}' WHERE id % 7 = {}",
                n % 7
            ),
            3 => format!(
                "UPDATE todos SET done = NOT done, version = version + 1 WHERE rowid % 5 = {}",
                n % 5
            ),
            _ => format!("DELETE FROM products WHERE id = {}", n / 2),
        };
        writer.run(sql).await;
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// 500 todos by form, each sent again until the server has answered.
async fn write_by_http(address: SocketAddr, count: Arc<AtomicUsize>) -> Vec<RowId> {
    let mut confirmed = Vec::new();
    for n in 0..500 {
        let id = RowId::new();
        let (id_text, title) = (id.to_string(), format!("todo {n}"));
        let fields = [("id", id_text.as_str()), ("title", title.as_str())];
        until("a write is answered", || async {
            let answer = post_json(address, "/api/app/todos/model/add_todo", &fields).await;
            answer.ok().filter(|answer| answer.status == 200)
        })
        .await;
        confirmed.push(id);
        count.fetch_add(1, Ordering::Relaxed);
    }
    confirmed
}

async fn select<T>(writer: &Writer, sql: &'static str) -> Vec<T>
where
    T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
{
    sqlx::query_as(sql).fetch_all(writer.pool()).await.expect("a query")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spec_nx3_spec_nx4_kill_9_amid_a_thousand_writes_loses_nothing_for_anybody() {
    let folder = new_folder();
    let mut binary = Binary::start("127.0.0.1:0", &file(&folder)).await;
    let address = binary.address;
    let clients: Vec<NativeClient> = (0..4).map(|_| client(address)).collect();
    let (mut todos, mut products) = (Vec::new(), Vec::new());
    for client in &clients {
        todos.push(LiveRows::<Todo>::open(client, address, "todos/model/list_todos").await);
        products
            .push(LiveRows::<Product>::open(client, address, "products/model/list_products").await);
    }
    let count = Arc::new(AtomicUsize::new(0));
    let writer = Writer::open(&file(&folder)).await;
    let outside = tokio::spawn(write_from_outside(writer.clone(), count.clone()));
    let by_http = tokio::spawn(write_by_http(address, count.clone()));
    for after in [200, 600] {
        eventually("enough is written", async || count.load(Ordering::Relaxed) >= after).await;
        binary.kill().await;
        binary = Binary::start(&address.to_string(), &file(&folder)).await;
    }
    outside.await.unwrap();
    let confirmed = by_http.await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 1_000);

    let todos_now: Vec<Todo> = select(&writer, "SELECT * FROM todos ORDER BY id").await;
    let products_now: Vec<Product> = select(&writer, "SELECT * FROM products ORDER BY id").await;
    assert_eq!(todos_now.iter().map(|todo| todo.id).collect::<Vec<_>>(), confirmed);
    for (todos, products) in todos.iter().zip(&products) {
        eventually("every client shows what the database holds", async || {
            todos.sorted() == todos_now && products.sorted() == products_now
        })
        .await;
        // Every gap was replayed: nobody had to load a list again.
        assert_eq!(todos.resyncs.load(Ordering::Relaxed), 0);
        assert_eq!(products.resyncs.load(Ordering::Relaxed), 0);
    }
    for client in clients {
        client.close();
    }
    for list in todos {
        list.task.await.unwrap();
    }
    for list in products {
        list.task.await.unwrap();
    }
    assert!(binary.terminate().await.success());
}
