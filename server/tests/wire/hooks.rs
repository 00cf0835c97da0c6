//! A channel without a table has history, presence and rules of its own, and the application's hooks
//! decide who is who and who may what.

use async_trait::async_trait;
use serde_json::json;
use tidewire::{
    ChannelName,
    contract::Limits,
    server::{Action, Identity, Policy},
};

use crate::support::{ByToken, TestServer, declare, new_folder};

/// Orders are read by all, and written and entered by the shop.
struct Shop;

#[async_trait]
impl Policy for Shop {
    async fn allows(&self, who: &Identity, action: Action, channel: &ChannelName) -> bool {
        channel.prefix() == "order" && (action == Action::Read || who.id().as_ref() == "shop")
    }
}

async fn server() -> TestServer {
    let describe = |builder| declare(builder).authenticate(ByToken).policy(Shop);
    TestServer::start_with(new_folder(), Limits::default(), describe).await
}

#[tokio::test]
async fn spec_fb9_a_channel_without_a_table_has_history_and_presence() {
    let server = server().await;
    let mut shop = server.connect_as("shop").await;
    let subscribed = json!({"type": "subscribe", "channel": "order:1", "presence": {"open": true}});
    shop.send_json(subscribed).await;
    let start = shop.expect("ack").await["position"].clone();
    assert_eq!(shop.expect("presence_state").await["users"][0]["userId"], "shop");
    for number in 1..=3 {
        let payload = json!({"number": number});
        shop.send_json(json!({"type": "broadcast", "channel": "order:1", "payload": payload}))
            .await;
        // One's own message may come before the answer.
        let frames = [shop.next_json().await, shop.next_json().await];
        let mut kinds = frames.each_ref().map(|frame| frame["type"].as_str().unwrap_or_default());
        kinds.sort_unstable();
        assert_eq!(kinds, ["ack", "broadcast"], "{frames:?}");
    }

    // Whoever comes later and knows the position gets all of it, in order, and then what is new.
    let mut guest = server.connect_as("guest-7").await;
    guest.send_json(json!({"type": "subscribe", "channel": "order:1", "since": start})).await;
    assert_eq!(guest.expect("ack").await["replay"], 3);
    for number in 1..=3 {
        assert_eq!(guest.expect("broadcast").await["payload"]["number"], number);
    }
    drop((shop, guest));
    server.stop().await;
}

#[tokio::test]
async fn spec_fb9_spec_bq8_the_hooks_decide_who_is_who_and_who_may_what() {
    let server = server().await;
    let mut guest = server.connect_as("guest-7").await;
    let asks = [
        (json!({"type": "subscribe", "channel": "resource:product", "ref": 1}), "resource:product"),
        (
            json!({"type": "broadcast", "channel": "order:1", "payload": {"number": 1}, "ref": 2}),
            "order:1",
        ),
        (json!({"type": "subscribe", "channel": "order:1", "presence": {}, "ref": 3}), "order:1"),
        (json!({"type": "subscribe", "channel": "order:1", "presence": true, "ref": 4}), "order:1"),
    ];
    for (ask, channel) in asks {
        let reference = ask["ref"].clone();
        guest.send_json(ask).await;
        let error = guest.expect("error").await;
        let said = (&error["code"], &error["channel"], &error["ref"]);
        assert_eq!(said, (&json!("authentication_required"), &json!(channel), &reference));
    }
    // A user of another name is somebody, and still may not.
    let mut user = server.connect_as("ann").await;
    let frame = json!({"type": "broadcast", "channel": "order:1", "payload": {"number": 1}});
    user.send_json(frame).await;
    assert_eq!(user.expect("error").await["code"], "permission_denied");
    user.subscribe("order:1").await;
    drop((guest, user));
    server.stop().await;
}
