//! Live queries are asked as whoever listens.

use serde::{Deserialize, Serialize};

use super::note::{Note, Part, SCHEMA, select};
use crate::{
    client::{ClientEvent, NativeClient},
    contract::{LiveQuery, Refusal},
    server::{AnswerQuery, Identity, Permissions, database::ReadTx},
    sql,
    testing::TestBed,
};

/// Which notes somebody may see, and as whom they have asked.
#[derive(Clone, Serialize, Deserialize)]
struct Visible {}

impl LiveQuery for Visible {
    const NAME: &'static str = "visible";
    type Output = String;
}

impl AnswerQuery for Visible {
    const TABLES: &'static [&'static str] = &["notes"];
    const PER_USER: bool = true;

    async fn answer(&self, tx: &mut ReadTx, who: &Identity) -> Result<String, Refusal> {
        let rows = sql!(tx, |db| select(db, who, &Part::All))?;
        let ids: Vec<_> = rows.into_iter().map(|note| note.id).collect();
        Ok(format!("{:?} {}: {}", who.kind(), who.id(), ids.join(" ")))
    }
}

#[tokio::test]
async fn spec_fb9_a_live_query_of_rows_is_asked_as_each_user_and_each_guest() {
    let bed = TestBed::start(SCHEMA, |s| s.guarded::<Note>().query::<Visible>()).await;
    write(&bed, "INSERT INTO notes VALUES ('a', 'ann', 0, 1, ''), ('b', 'bob', 0, 1, '')").await;
    let all = Permissions::parse(["read:notes:all"]).unwrap();
    let people = [
        (Identity::user("ann"), "User ann: a", "User ann: a c"),
        (Identity::user("ann").with_permissions(all), "User ann: a b", "User ann: a b c"),
        (Identity::user("bob"), "User bob: b", "User bob: b c"),
        // By another session: the same question.
        (Identity::user("bob").by("phone").named("Bob"), "User bob: b", "User bob: b c"),
        (Identity::guest("ann"), "Guest ann: ", "Guest ann: c"),
        (Identity::guest("bob"), "Guest bob: ", "Guest bob: c"),
    ];
    let channel = Visible {}.channel().unwrap();
    let mut listening: Vec<(NativeClient, _, _, _)> = Vec::new();
    for (who, before, after) in people {
        let client = bed.client_as(who);
        let mut answers = client.subscribe(channel.name(), None);
        assert_eq!(answer(&mut answers).await, before);
        listening.push((client, answers, before, after));
    }
    assert_eq!(bed.realtime().queries().running(), 5, "each identity is one question");
    write(&bed, "INSERT INTO notes VALUES ('c', 'cat', 1, 1, '')").await;
    for (_, answers, before, after) in &mut listening {
        let mut found = answer(answers).await;
        // Who came last may be told twice what was so when they came.
        while found == *before {
            found = answer(answers).await;
        }
        assert_eq!(found, *after);
    }
    drop(listening);
    bed.finish().await;
}

async fn write(bed: &TestBed, statement: &'static str) {
    let mut tx = bed.realtime().database().write().await.unwrap();
    sql!(tx, |db| sqlx::raw_sql(statement).execute(db)).unwrap();
    tx.commit::<()>(None).await.unwrap();
}

async fn answer(answers: &mut crate::client::NativeSubscription) -> String {
    loop {
        match answers.next().await {
            Some(ClientEvent::Message { payload }) => {
                let mut answer: serde_json::Value = serde_json::from_str(payload.get()).unwrap();
                return answer["result"].take().as_str().unwrap().to_owned();
            }
            Some(ClientEvent::Ready { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}
