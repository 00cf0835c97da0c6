//! Every form of accounts as a plain POST, what a refused one says, and where each leads.

use crate::support::{Answer, Browser, PASSWORD, TestServer, post_json};

/// Whether the page has this element, whatever the order of its attributes.
fn has_tag(page: &Answer, tag: &str, attributes: &[&str]) -> bool {
    let tags = page.body.split('<').filter(|text| text.starts_with(tag));
    tags.map(|text| text.split('>').next().unwrap_or_default())
        .any(|text| attributes.iter().all(|attribute| text.contains(attribute)))
}

#[tokio::test]
async fn spec_nx8_an_account_is_made_left_and_entered_again_by_plain_forms() {
    let server = TestServer::start().await;
    let mut ann = Browser::guest(server.address).await;
    let page = ann.get("/sign-up?next=/notes").await;
    for (name, attributes) in [
        ("name", ["autocomplete=\"nickname\"", "required"]),
        ("login", ["autocomplete=\"username\"", "required"]),
        ("password", ["autocomplete=\"new-password\"", "type=\"password\""]),
    ] {
        let name = format!("name=\"{name}\"");
        let wanted: Vec<&str> = attributes.into_iter().chain([name.as_str()]).collect();
        assert!(has_tag(&page, "input", &wanted), "{name}");
    }
    assert!(has_tag(&page, "input", &["type=\"hidden\"", "value=\"/notes\""]), "{}", page.body);
    assert!(has_tag(&page, "form", &["method=\"post\"", "accounts/forms/sign_up"]));
    let fields = [
        ("name", " Ann "),
        ("login", "Ann@Example.org"),
        ("password", PASSWORD),
        ("next", "/notes"),
    ];
    let answer = ann.form("sign_up", "/sign-up?next=/notes", &fields).await;
    assert_eq!((answer.status, answer.location.as_deref()), (302, Some("/notes")));
    assert!(ann.session().is_some());
    let page = ann.follow(&answer).await;
    assert!(page.body.contains(">Ann<"), "the header names her: {}", page.body);

    let page = ann.get("/account").await;
    for text in ["ann@example.org", "Firefox on Linux", "This browser", "Sign out"] {
        assert!(page.body.contains(text), "{text}");
    }
    assert!(has_tag(&page, "input", &["name=\"current\"", "autocomplete=\"current-password\""]));
    assert!(has_tag(&page, "input", &["name=\"new\"", "autocomplete=\"new-password\""]));

    let answer = ann.form("sign_out", "/account", &[]).await;
    assert_eq!((answer.status, answer.location.as_deref()), (302, Some("/")));
    assert!(ann.session().is_none());
    let page = ann.get("/account").await;
    assert!(page.body.contains("You are a guest"), "{}", page.body);

    let page = ann.get("/sign-in").await;
    assert!(has_tag(&page, "input", &["name=\"password\"", "autocomplete=\"current-password\""]));
    // However it is written.
    let answer = ann.sign_in(" ANN@example.ORG ", PASSWORD).await;
    assert_eq!(answer.location.as_deref(), Some("/"), "{answer:?}");
    assert_eq!(ann.account().await.unwrap()["login"], "ann@example.org");
    server.stop().await;
}

#[tokio::test]
async fn spec_nx8_a_refused_form_says_what_is_wrong_and_keeps_what_was_typed() {
    let server = TestServer::start().await;
    Browser::user(server.address, "Bob", "bob").await;
    let mut ann = Browser::guest(server.address).await;
    let cases = [
        ("  ", "ann", PASSWORD, "name", "Say what others may call you."),
        ("Ann", "a b", PASSWORD, "login", "has no spaces in it"),
        ("Ann", "ann", "too short", "password", "A password has 10 to 200 characters."),
        ("Ann", "BOB", PASSWORD, "login", "Somebody has this name already."),
    ];
    for (name, login, password, field, reason) in cases {
        let fields = [("name", name), ("login", login), ("password", password), ("next", "/notes")];
        let answer = ann.form("sign_up", "/sign-up?next=/notes", &fields).await;
        let location = answer.location.clone().unwrap();
        assert!(location.contains("/sign-up?next=/notes&"), "{location}");
        assert!(!location.contains(password), "{location}");
        let page = ann.follow(&answer).await;
        assert!(page.body.contains(reason), "{field}: {}", page.body);
        let (id, note) = (format!("id=\"{field}\""), format!("aria-describedby=\"{field}-note\""));
        let wrong = [id.as_str(), &note, "aria-invalid=\"true\"", "autofocus"];
        assert!(has_tag(&page, "input", &wrong), "{field}");
        assert_eq!(page.body.matches("aria-invalid").count(), 1, "{field}");
        assert!(has_tag(&page, "input", &["name=\"login\"", &format!("value=\"{login}\"")]));
        assert!(has_tag(&page, "input", &["name=\"next\"", "value=\"/notes\""]));
        assert!(!page.body.contains(password), "passwords do not come back");
        assert!(ann.session().is_none());
    }
    // Quotes and tags are text.
    let odd = "\"><script>alert(1)</script>";
    let fields = [("name", odd), ("login", "x"), ("password", "")];
    let answer = ann.form("sign_up", "/sign-up", &fields).await;
    let page = ann.follow(&answer).await;
    assert!(
        page.body.contains("alert(1)") && !page.body.contains("<script>alert"),
        "shown as text"
    );
    // What was typed is of the refused form alone.
    let page = ann.get("/sign-up").await;
    assert!(!page.body.contains("alert(1)"));
    // A form without its fields is refused by name, too.
    let answer = ann.form("sign_in", "/sign-in", &[("login", "ann")]).await;
    let page = ann.follow(&answer).await;
    assert!(page.body.contains("You are not signed in"), "{}", page.body);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_nobody_learns_whether_a_name_or_a_password_was_wrong() {
    let server = TestServer::start().await;
    Browser::user(server.address, "Ann", "ann").await;
    let mut said = Vec::new();
    for (login, password) in [
        ("ann", "not her password"),
        ("nobody", PASSWORD),
        ("no body", PASSWORD),
        ("", ""),
        ("ann", ""),
        (&"x".repeat(500), PASSWORD),
    ] {
        let fields = [("login", login), ("password", password)];
        let answer = post_json(server.address, "/api/app/accounts/forms/sign_in", &fields);
        let answer = answer.await.unwrap();
        assert!(answer.set_cookies.iter().all(|cookie| !cookie.contains("session")), "{answer:?}");
        said.push((answer.status, answer.body));
    }
    said.dedup();
    let reason =
        "{\"invalid\":{\"field\":\"password\",\"message\":\"The name or the password is wrong.\"}}";
    assert_eq!(said, [(422, reason.to_owned())]);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_signing_in_leads_to_no_other_site() {
    let server = TestServer::start().await;
    Browser::user(server.address, "Ann", "ann").await;
    for next in
        ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "x"]
    {
        let mut ann = Browser::guest(server.address).await;
        let fields = [("login", "ann"), ("password", PASSWORD), ("next", next)];
        let answer = ann.form("sign_in", "/sign-in", &fields).await;
        assert_eq!((answer.status, answer.location.as_deref()), (302, Some("/")), "{next}");
        let fields = [("name", "X"), ("login", next), ("password", PASSWORD), ("next", next)];
        let answer = ann.form("sign_up", "/sign-up", &fields).await;
        let location = answer.location.unwrap();
        let here = location.starts_with(&format!("http://{}/sign-up", server.address));
        assert!(location == "/" || here, "{location}");
    }
    server.stop().await;
}
