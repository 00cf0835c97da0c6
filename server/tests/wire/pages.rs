//! Without scripts: pages carry their rows, forms post, refusals are shown with the row as it is.

use serde_json::{Value, json};

use crate::support::{Answer, TestServer, get, post_form, post_json};

const ID: &str = "0197f0a0-0000-7000-8000-000000000001";

/// The text that a reader without scripts is shown.
fn visible(page: &Answer) -> String {
    let mut text = String::new();
    let mut rest = page.body.as_str();
    while let Some((before, after)) = rest.split_once("<script") {
        text += before;
        rest = after.split_once("</script>").map_or("", |(_, after)| after);
    }
    text + rest
}

/// Where the browser goes after a form: back to the page that it was on.
async fn back_at(server: &TestServer, answer: &Answer, page: &str) -> Answer {
    assert_eq!(answer.status, 302, "{answer:?}");
    let location = answer.location.as_deref().expect("a location");
    let path = location.strip_prefix(&format!("http://{}", server.address)).unwrap_or(location);
    assert!(path == page || path.starts_with(&format!("{page}?")), "{location}");
    get(server.address, path).await
}

#[tokio::test]
async fn spec_nx8_pages_are_readable_without_scripts() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    writer
        .run(format!("INSERT INTO todos (id, title) VALUES ('{ID}', 'Mend <nets> & \"ropes\"')"))
        .await;
    let page = get(server.address, "/todos").await;
    assert_eq!(page.status, 200);
    let text = visible(&page);
    assert!(text.contains("Mend &lt;nets&gt; &amp; &quot;ropes&quot;"), "{text}");
    assert!(!page.body.contains("<nets>"), "text is shown as text");
    let text = visible(&get(server.address, "/products").await);
    for name in ["Tide gauge", "Signal lamp", "Deck cleat"] {
        assert!(text.contains(name), "{name}");
    }
    server.stop().await;
}

/// The actions of all forms on a page.
fn actions(page: &Answer) -> Vec<String> {
    let forms = page.body.split("<form").skip(1);
    let mut actions: Vec<String> = forms
        .map(|form| {
            let tag = form.split('>').next().unwrap();
            let action = tag.split_once("action=\"").expect("a form has an action").1;
            assert!(tag.contains("method=\"post\"") || tag.contains("method=\"POST\""), "{tag}");
            action.split('"').next().unwrap().to_owned()
        })
        .collect();
    actions.sort();
    actions.dedup();
    actions
}

#[tokio::test]
async fn spec_nx8_every_form_of_the_todos_page_posts_and_leads_back() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let row =
        async || writer.text("SELECT title || '|' || done || '|' || version FROM todos").await;
    let post = async |function: &str, fields: &[(&str, &str)]| {
        let path = format!("/api/app/todos/model/{function}");
        let answer = post_form(server.address, &path, "/todos?show=open", fields).await;
        let page = back_at(&server, &answer, "/todos").await;
        assert!(!answer.location.as_deref().unwrap().contains("__err"), "{answer:?}");
        page
    };
    let page = post("add_todo", &[("id", ID), ("title", " Mend the nets ")]).await;
    assert!(visible(&page).contains("Mend the nets"));
    assert_eq!(row().await.as_deref(), Some("Mend the nets|0|1"));
    let functions = ["add_todo", "remove_todo", "rename_todo", "tick_todo"];
    let expected = functions.map(|function| format!("/api/app/todos/model/{function}"));
    assert_eq!(actions(&page), expected);
    // The form twice: one todo.
    post("add_todo", &[("id", ID), ("title", "Mend the nets")]).await;
    assert_eq!(row().await.as_deref(), Some("Mend the nets|0|1"));
    post("tick_todo", &[("id", ID), ("done", "true")]).await;
    assert_eq!(row().await.as_deref(), Some("Mend the nets|1|2"));
    let fields = [("id", ID), ("version", "2"), ("was", "Mend the nets"), ("title", "Mend ropes")];
    post("rename_todo", &fields).await;
    assert_eq!(row().await.as_deref(), Some("Mend ropes|1|3"));
    post("remove_todo", &[("id", ID)]).await;
    assert_eq!(row().await, None);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx8_every_form_of_the_products_page_posts_and_leads_back() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let post = async |function: &str, fields: &[(&str, &str)]| {
        let path = format!("/api/app/products/model/{function}");
        let answer = post_form(server.address, &path, "/products", fields).await;
        assert!(!answer.location.as_deref().unwrap().contains("__err"), "{answer:?}");
        back_at(&server, &answer, "/products").await
    };
    let functions = ["add_product", "change_product", "remove_product"];
    let expected = functions.map(|function| format!("/api/app/products/model/{function}"));
    assert_eq!(actions(&get(server.address, "/products").await), expected);
    let page = post("add_product", &[("name", "Buoy"), ("price", "12.5")]).await;
    assert!(visible(&page).contains("Buoy"));
    let change = [
        ("id", "4"),
        ("was_name", "Buoy"),
        ("was_price", "12.5"),
        ("name", "Buoy & chain"),
        ("price", "20"),
    ];
    post("change_product", &change).await;
    let row = writer.text("SELECT name || '|' || price FROM products WHERE id = 4").await;
    assert_eq!(row.as_deref(), Some("Buoy & chain|20.0"));
    post("remove_product", &[("id", "4")]).await;
    assert_eq!(writer.text("SELECT name FROM products WHERE id = 4").await, None);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx8_spec_ig12_a_refused_form_shows_the_reason_and_the_current_row() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    writer.run(format!("INSERT INTO todos VALUES ('{ID}', 'Theirs \"now\"', 0, 5)")).await;
    let post = async |function: &str, page: &str, fields: &[(&str, &str)]| {
        let path = format!("/api/app/{function}");
        let answer = post_form(server.address, &path, page, fields).await;
        assert!(answer.location.as_deref().unwrap().contains("__err="), "{answer:?}");
        visible(&back_at(&server, &answer, page).await)
    };
    let other = "0197f0a0-0000-7000-8000-000000000009";
    let text = post("todos/model/add_todo", "/todos", &[("id", other), ("title", "  ")]).await;
    assert!(text.contains("A todo needs a title."), "{text}");
    let fields = [("id", ID), ("version", "4"), ("was", "Before"), ("title", "Mine")];
    let text = post("todos/model/rename_todo", "/todos", &fields).await;
    assert!(text.contains("Somebody else changed this in the meantime."), "{text}");
    let notice = text.split("It is now").nth(1).expect("the current row is shown");
    assert!(notice.contains("Theirs"), "{notice}");
    let row = writer.text("SELECT title || '|' || version FROM todos").await;
    assert_eq!(row.as_deref(), Some("Theirs \"now\"|5"));
    let text = post("todos/model/tick_todo", "/todos", &[("id", other), ("done", "true")]).await;
    assert!(text.contains("This has been deleted in the meantime."), "{text}");

    let change = [
        ("id", "1"),
        ("was_name", "Tide gauge"),
        ("was_price", "1"),
        ("name", "Mine"),
        ("price", "2"),
    ];
    let text = post("products/model/change_product", "/products", &change).await;
    assert!(text.contains("Somebody else changed this in the meantime."), "{text}");
    assert!(text.split("It is now").nth(1).expect("the current row").contains("249"), "{text}");
    let fields = [("name", "Free"), ("price", "-1")];
    let text = post("products/model/add_product", "/products", &fields).await;
    assert!(text.contains("A price lies between 0 and 1,000,000."), "{text}");
    // A field that cannot be read at all is refused as well, not an empty page.
    let fields = [("name", "Free"), ("price", "much")];
    let text = post("products/model/add_product", "/products", &fields).await;
    assert!(text.contains("That was not saved"), "{text}");
    assert_eq!(writer.text("SELECT CAST(count(*) AS TEXT) FROM products").await.unwrap(), "3");
    server.stop().await;
}

#[tokio::test]
async fn spec_ig12_refusals_have_the_status_that_says_so() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    writer.run(format!("INSERT INTO todos VALUES ('{ID}', 'Theirs', 0, 5)")).await;
    let post = async |function: &str, fields: &[(&str, &str)]| -> (u16, Value) {
        let path = format!("/api/app/todos/model/{function}");
        let answer = post_json(server.address, &path, fields).await.unwrap();
        (answer.status, answer.json())
    };
    let rename = [("id", ID), ("version", "4"), ("was", "Before"), ("title", "Mine")];
    let (status, refusal) = post("rename_todo", &rename).await;
    let current = json!({"id": ID, "title": "Theirs", "done": false, "version": 5});
    assert_eq!((status, refusal), (409, json!({"conflict": {"current": current}})));
    let (status, refusal) = post("add_todo", &[("id", ID), ("title", "")]).await;
    assert_eq!((status, &refusal["invalid"]["field"]), (422, &json!("title")));
    let (status, refusal) = post("add_todo", &[("id", "no uuid"), ("title", "x")]).await;
    assert!(status == 422 && refusal["invalid"]["message"].is_string(), "{status} {refusal}");
    let (status, _) = post("add_todo", &[("title", "no id")]).await;
    assert_eq!(status, 422);
    let other = "0197f0a0-0000-7000-8000-000000000009";
    let (status, refusal) = post("tick_todo", &[("id", other), ("done", "true")]).await;
    assert_eq!((status, refusal), (404, json!("gone")));
    // Another title over the old one, while only the tick has changed: merged.
    let merged = [("id", ID), ("version", "4"), ("was", "Theirs"), ("title", "Mine")];
    let (status, written) = post("rename_todo", &merged).await;
    assert_eq!(
        (status, &written["row"]["title"], &written["row"]["version"]),
        (200, &json!("Mine"), &json!(6))
    );
    server.stop().await;
}
