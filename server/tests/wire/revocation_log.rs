//! Revocations as entries of the log: nobody may touch their channel, others may write them, a lost one
//! counts for everybody, and one that comes while somebody is on their way in is not overlooked.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use tidewire::{
    LiveError,
    contract::Limits,
    server::{
        Identity, Permissions, Revoked,
        identity::{Authenticate, Connect},
    },
};
use tokio::sync::Semaphore;

use crate::support::{ByToken, Events, Socket, TestServer, get, identity, new_folder};

async fn server() -> TestServer {
    let describe = |builder: tidewire::server::Builder| builder.authenticate(ByToken);
    TestServer::start_with(new_folder(), Limits::default(), describe).await
}

/// Users may do everything that can be permitted; without a token it is a guest.
struct Almighty;

#[async_trait]
impl Authenticate for Almighty {
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        let all = Permissions::parse(["read:*", "write:*", "inspect:*"]).expect("permissions");
        let more = Permissions::parse(["read:access:*", "write:access:*"]).expect("permissions");
        let all = all.iter().chain(more.iter()).cloned().collect();
        Ok(match request.token {
            Some(id) => Identity::user(id).with_permissions(all),
            None => Identity::passer_by(),
        })
    }
}

#[tokio::test]
async fn spec_sy6_nobody_may_do_anything_on_the_channels_of_revocations() {
    let describe = |builder: tidewire::server::Builder| builder.authenticate(Almighty);
    let server = TestServer::start_with(new_folder(), Limits::default(), describe).await;
    let mut ann = server.connect_as("ann").await;
    let mut guest = server.connect().await;
    for channel in ["access:revoked", "access:else", "access"] {
        let asks = [
            json!({"type": "subscribe", "channel": channel}),
            json!({"type": "subscribe", "channel": channel, "presence": {"n": 1}}),
            json!({"type": "subscribe", "channel": channel, "presence": "count"}),
        ];
        for ask in asks {
            ann.send_json(ask.clone()).await;
            ann.expect_error("permission_denied").await;
            guest.send_json(ask).await;
            guest.expect_error("authentication_required").await;
        }
        let forged = json!({"type": "broadcast", "channel": channel, "payload": {"user": "ann"}});
        for socket in [&mut ann, &mut guest] {
            socket.send_json(forged.clone()).await;
            socket.expect_error("permission_denied").await;
        }
        let path = format!("/realtime/channel/users?channel={channel}");
        assert_eq!(get(server.address, &format!("{path}&token=ann")).await.status, 403);
        assert_eq!(get(server.address, &path).await.status, 401);
    }
    // What is permitted works elsewhere.
    ann.subscribe("room:a").await;
    drop((ann, guest));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_another_program_can_revoke_and_an_entry_that_cannot_be_read_counts_for_all() {
    let server = server().await;
    let writer = server.writer().await;
    let entry = |payload: &str| {
        format!(
            "INSERT INTO tidewire_log (at_ms, tbl, op, new) \
             VALUES (0, 'access:revoked', 'MESSAGE', '{payload}')"
        )
    };
    let mut guest = server.connect_as("guest-7").await;
    let mut proved = server.connect_as("guest-8.cookie").await;
    let mut bob = server.connect_as("bob").await;
    for socket in [&mut guest, &mut proved, &mut bob] {
        socket.subscribe("resource:product").await;
    }
    let mut ann = server.connect_as("ann").await;
    writer.run(entry(r#"{"user":"ann"}"#)).await;
    assert_eq!(ann.until_closed().await.1, Some(4004));
    bob.expect_silence().await;

    let gap = "BEGIN IMMEDIATE; INSERT INTO products (name) VALUES ('lost'); \
               DELETE FROM tidewire_log WHERE id = (SELECT max(id) FROM tidewire_log); \
               INSERT INTO products (name) VALUES ('there'); COMMIT";
    let losses = [
        entry(r#"{"team":"blue"}"#),
        entry("no JSON"),
        "INSERT INTO tidewire_log (at_ms, tbl, op) VALUES (0, 'no table', 'WHAT')".into(),
        gap.into(),
    ];
    for loss in losses {
        writer.run(loss.clone()).await;
        assert_eq!(bob.until_closed().await.1, Some(4004), "{loss}");
        assert_eq!(proved.until_closed().await.1, Some(4004), "{loss}");
        guest.send_json(json!({"type": "hello"})).await;
        while guest.next().await.expect("a guest has nothing to lose")["type"] != "welcome" {}
        bob = server.connect_as("bob").await;
        proved = server.connect_as("guest-8.cookie").await;
        for socket in [&mut proved, &mut bob] {
            socket.subscribe("resource:product").await;
        }
    }
    // A row that cannot be read says nothing about access.
    writer.run("INSERT INTO tidewire_log (at_ms, tbl, op) VALUES (0, 'products', 'WHAT')").await;
    bob.expect("resync").await;
    bob.expect_silence().await;
    drop((guest, proved, bob));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_what_was_revoked_before_a_start_ends_nobody_who_comes_after_it() {
    let describe = |builder: tidewire::server::Builder| builder.authenticate(ByToken);
    let first = server().await;
    for n in 0..3 {
        first.revoke(&Revoked::User("ann".into())).await;
        first.revoke(&Revoked::Credential(format!("{n}"))).await;
    }
    let folder = first.folder();
    first.stop().await;
    let server = TestServer::start_with(folder, Limits::default(), describe).await;
    let mut ann = server.connect_as("ann.1").await;
    ann.subscribe("resource:product").await;
    server.revoke(&Revoked::User("bob".into())).await;
    ann.expect_silence().await;
    drop(ann);
    server.stop().await;
}

/// Asks who somebody is and, before it says so, waits for a permit.
#[derive(Clone)]
struct Slowly {
    asked: Arc<Semaphore>,
    may_answer: Arc<Semaphore>,
}

#[async_trait]
impl Authenticate for Slowly {
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        let who = identity(request.token.unwrap_or_default());
        self.asked.add_permits(1);
        self.may_answer.acquire().await.expect("it stays open").forget();
        Ok(who)
    }
}

#[tokio::test]
async fn spec_sy5_who_was_on_their_way_in_when_they_were_revoked_does_not_get_in() {
    let slowly =
        Slowly { asked: Arc::new(Semaphore::new(0)), may_answer: Arc::new(Semaphore::new(0)) };
    let hook = slowly.clone();
    let describe = |builder: tidewire::server::Builder| builder.authenticate(hook);
    let server = TestServer::start_with(new_folder(), Limits::default(), describe).await;
    let address = server.address;
    for (token, whose, ends) in [
        ("ann.phone", Revoked::Credential("phone".into()), true),
        ("ann.phone", Revoked::User("ann".into()), true),
        ("ann.phone", Revoked::Credential("laptop".into()), false),
    ] {
        let arriving = tokio::spawn(async move { Socket::connect_as(address, token).await });
        let streaming = tokio::spawn(async move {
            Events::open(address, &format!("token={token}&channel=room:a")).await
        });
        // Who they are is known, but not who they will be.
        slowly.asked.acquire_many(2).await.expect("it stays open").forget();
        server.revoke(&whose).await;
        slowly.may_answer.add_permits(2);
        let (mut socket, mut stream) = (arriving.await.unwrap(), streaming.await.unwrap());
        if ends {
            assert_eq!(socket.until_closed().await, (Vec::new(), Some(4004)), "{whose:?}");
            assert_eq!(stream.until_closed().await.len(), 0, "{whose:?}");
        } else {
            socket.expect_silence().await;
            stream.expect("ack").await;
        }
    }
    server.stop().await;
}
