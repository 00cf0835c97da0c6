//! What a token or a key may do is said by its permissions, which name channels: pages and server functions
//! are not among them, whoever's it is.

use crate::support::{
    Browser, TestServer,
    jwt::{of, taken},
    new_folder, request,
};

#[tokio::test]
async fn spec_sy6_a_token_opens_no_page_and_calls_no_server_function() {
    let server = TestServer::start_in(new_folder(), taken).await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let token = of("ann", &["read:*", "write:*"]);
    for (head, body) in [
        ("GET /notes HTTP/1.1\r\nAccept: text/html\r\n", "".to_owned()),
        (
            "POST /api/app/notes/model/list_notes HTTP/1.1\r\nContent-Type: application/json\r\n",
            "{}".into(),
        ),
        ("POST /api/app/accounts/forms/end_other_sessions HTTP/1.1\r\n", String::new()),
    ] {
        let plain = request(server.address, head, body.as_bytes()).await.unwrap();
        assert_ne!(plain.status, 403, "{head}");
        let head = format!("{head}Authorization: Bearer {token}\r\n");
        let answer = request(server.address, &head, body.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 403, "{head}: {answer:?}");
    }
    // Her own browser is not concerned.
    assert_eq!(ann.get("/notes").await.status, 200);
    server.stop().await;
}
