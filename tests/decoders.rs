//! Every decoder against text that nobody meant to send: the properties of `fuzz/properties.rs`, on the
//! golden frames, on what is left of them after random cuts and pastes, and on plain noise.

#[path = "../fuzz/properties.rs"]
mod properties;

use std::{fs, path::Path, sync::LazyLock};

use properties::{Question, Row};
use proptest::{prelude::*, sample::Index};
use tidewire::{Change, Op, Position};

/// The golden frames.
static GOLDEN: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = fs::read_dir(folder).expect("the folder is there");
    let mut texts: Vec<String> =
        files.map(|file| fs::read_to_string(file.expect("a file").path()).expect("text")).collect();
    texts.sort();
    texts
});

/// Pieces that mean something to one decoder or another.
const PIECES: [&str; 30] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "\"count\"",
    "-1",
    "1e400",
    "18446744073709551616",
    "0.1",
    "\"type\":",
    "\"ref\":",
    "\"payload\":",
    "\"position\":",
    "\"9f86d081884c7d65-1042\"",
    "\"broadcast\"",
    "\"channel\":\"a..b\"",
    "\"data\":{}",
    " ",
    "\n",
    "é",
    "🌊",
    "pe30",
];

#[derive(Clone, Debug)]
enum Damage {
    Cut(Index, usize),
    Paste(Index, &'static str),
    Repeat(Index, usize, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), 1_usize..12).prop_map(|(at, len)| Damage::Cut(at, len)),
        (any::<Index>(), prop::sample::select(&PIECES[..]))
            .prop_map(|(at, piece)| Damage::Paste(at, piece)),
        (any::<Index>(), 1_usize..30, any::<Index>())
            .prop_map(|(from, len, to)| Damage::Repeat(from, len, to)),
    ]
}

fn apply(text: &str, damage: &[Damage]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for change in damage {
        let places = letters.len() + 1;
        let end = |at: usize, len: usize| (at + len).min(places - 1);
        match change {
            Damage::Cut(at, len) => {
                let at = at.index(places);
                letters.drain(at..end(at, *len));
            }
            Damage::Paste(at, piece) => {
                let at = at.index(places);
                letters.splice(at..at, piece.chars());
            }
            Damage::Repeat(from, len, to) => {
                let (from, to) = (from.index(places), to.index(places));
                let piece = letters[from..end(from, *len)].to_vec();
                letters.splice(to..to, piece);
            }
        }
    }
    letters.into_iter().collect()
}

#[test]
fn the_golden_frames_have_every_property() {
    assert!(GOLDEN.len() > 20);
    GOLDEN.iter().for_each(|text| properties::all(text));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn noise_harms_no_decoder(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        properties::all(&text);
        properties::all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn damaged_frames_harm_no_decoder(
        frame in any::<Index>(),
        damages in prop::collection::vec(damage(), 0..5),
    ) {
        properties::all(&apply(frame.get::<String>(&GOLDEN), &damages));
    }

    #[test]
    fn names_that_are_accepted_are_names_that_the_rule_allows(
        text in "[a-zA-Z0-9_.:@-]{0,24}",
        long in "[a-z:]{190,210}",
        odd in "(table|resource|room|query):[^\u{0}]{0,8}",
    ) {
        [text, long, odd].iter().for_each(|text| properties::channel_name(text));
    }

    #[test]
    fn positions_are_read_as_they_were_written(
        epoch in any::<u64>(),
        offset in any::<u64>(),
        odd in "[0-9a-fA-F]{14,17}-?-?[0-9]{0,22}",
    ) {
        let position = Position::new(epoch, offset);
        prop_assert_eq!(position.to_string().parse(), Ok(position));
        properties::position(&odd);
    }

    #[test]
    fn parameters_are_read_as_they_were_written(
        n in any::<i64>(),
        text in any::<String>(),
        flags in prop::collection::vec(any::<bool>(), 0..4),
        segment in "p?[A-Za-z0-9_-]{0,40}",
    ) {
        properties::question(&Question { n, text, flags });
        properties::query_parameters(&segment);
    }

    #[test]
    fn wishes_are_read_as_they_were_written(text in "\\{\"[a-z]{0,3}\":[0-9\\[\\]\"]{0,5}\\}|true|\"count\"| ?[a-z{}\"]{0,9}") {
        properties::presence_wish(&text);
    }

    #[test]
    fn rows_are_read_as_they_were_written(
        id in any::<i64>(),
        title in any::<String>(),
        done in any::<bool>(),
        count in any::<Option<u64>>(),
        tags in prop::collection::vec(any::<String>(), 0..3),
        price in -999_999_999_999_999_i64..=999_999_999_999_999,
    ) {
        let row = Row { id, title, done, count, tags };
        let (schema, table) = ("public".into(), "rows".into());
        let (record, old_record) = (Some(row), None);
        let change = Change { op: Op::Insert, schema, table, record, old_record };
        properties::change(&serde_json::to_string(&change).expect("JSON"));
        // A price that is not what it was would make every edit of it a conflict. Fifteen digits survive;
        // of more, `serde_json` may lose the last bit without its feature `float_roundtrip`.
        let price = price as f64 / 1_000.0;
        let read: Option<f64> = serde_json::from_str(&serde_json::to_string(&price).expect("JSON")).ok();
        prop_assert_eq!(read, Some(price));
    }
}
