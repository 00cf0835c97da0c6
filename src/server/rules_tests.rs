//! What the rules say of channels of every kind, and of those that nobody has named.

use futures::FutureExt;
use serde::{Deserialize, Serialize};

use super::*;
use crate::contract::Delivery;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Boat {
    id: i64,
}

impl Live for Boat {
    const RESOURCE: &'static str = "boat";
    const TABLE: &'static str = "boats";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Count {}

impl LiveQuery for Count {
    const NAME: &'static str = "count";
    type Output = i64;
}

#[derive(Serialize, Deserialize)]
struct Hail {}

impl Message for Hail {
    const PREFIX: &'static str = "hail";
    const DELIVERY: Delivery = Delivery::Lossy;
}

fn may(rules: &Rules, who: &Identity, action: Action, channel: &str) -> bool {
    let channel = ChannelName::new(channel).unwrap();
    rules.allows(who, action, &channel).now_or_never().expect("rules do not wait")
}

const ALL: [Action; 5] =
    [Action::Read, Action::Write, Action::Join, Action::SeeUsers, Action::Inspect];

#[test]
fn spec_bq9_what_no_rule_names_is_nobodys() {
    let rules = Rules::new()
        .resource::<Boat>(Access::everybody())
        .query::<Count>(Access::everybody())
        .messages::<Hail>(Access::everybody())
        .revalidate("boats.list", Access::everybody());
    let ann = Identity::user("ann");
    for channel in [
        "resource:boat",
        "boat:1",
        "boat:1:crew",
        "table:public.boats",
        "table:boats",
        "table:main.boats",
        "query:count",
        "query:count:pe30",
        "hail",
        "hail:1",
        "revalidate:boats.list",
        "revalidate:boats.list:room:general",
    ] {
        assert!(may(&rules, &ann, Action::Read, channel), "{channel}");
        assert!(!may(&rules, &ann, Action::Inspect, channel), "{channel}");
    }
    for channel in [
        "resource:boats",
        "resource:boat:1",
        "boats:1",
        "boatswain",
        "table:other.boats",
        "table:public.boat",
        "table:public.users",
        "table:main.users",
        "query:counts:pe30",
        "query",
        "hails:1",
        "revalidate:boats",
        "revalidate",
        "access:revoked",
        "access",
        "room:general",
        "stats",
    ] {
        for action in ALL {
            assert!(!may(&rules, &ann, action, channel), "{action:?} {channel}");
        }
    }
}

#[test]
fn spec_sy6_reading_writing_and_being_present_are_three_things() {
    let rules = Rules::new()
        .channel("deck", Access::everybody().write(signed_in))
        .channel("log", Access::nobody().read(everybody))
        .channel("crew", Access::signed_in());
    let (guest, ann) = (Identity::guest("g"), Identity::user("ann"));
    let table = [
        ("deck:1", &guest, [true, false, true, true]),
        ("deck:1", &ann, [true, true, true, true]),
        ("log", &ann, [true, false, false, true]),
        ("crew", &guest, [false, false, false, false]),
        ("crew", &ann, [true, true, true, true]),
        ("crew", &Identity::service("crew"), [false, false, false, false]),
    ];
    for (channel, who, expected) in table {
        let found = [Action::Read, Action::Write, Action::Join, Action::SeeUsers];
        assert_eq!(found.map(|action| may(&rules, who, action, channel)), expected, "{channel}");
    }
}

#[test]
fn spec_fb9_ones_own_channel_is_nobody_elses() {
    let rules = Rules::new().channel("user", Access::own());
    let (ann, guest) = (Identity::user("ann"), Identity::guest("4f2a"));
    for (channel, who, allowed) in [
        ("user:ann:inbox", &ann, true),
        ("user:ann", &ann, true),
        ("user:4f2a:inbox", &guest, true),
        ("user:bob:inbox", &ann, false),
        ("user:ann2:inbox", &ann, false),
        ("user:an", &ann, false),
        ("user", &ann, false),
        ("user:bob:ann", &ann, false),
    ] {
        assert_eq!(may(&rules, who, Action::Read, channel), allowed, "{channel}");
    }
}

#[test]
fn spec_bq9_the_channel_layers_own_channels_are_not_the_applications_to_open() {
    for first in ["table", "resource", "query", "revalidate", "access", "a:b", "", "../x"] {
        let opened = std::panic::catch_unwind(|| Rules::new().channel(first, Access::everybody()));
        assert!(opened.is_err(), "{first}");
    }
}
