//! Tests of the live value's fold.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::contract::ResyncReason;

fn with_owner(test: impl FnOnce()) {
    let owner = Owner::new();
    owner.with(test);
}

/// Counts how often the value's signal fires.
fn count(value: LiveValue<i64>) -> (Memo<Option<i64>>, Arc<AtomicUsize>) {
    let fired = Arc::new(AtomicUsize::new(0));
    let counted = fired.clone();
    let memo = Memo::new_with_compare(
        move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            value.get()
        },
        |_, _| true,
    );
    (memo, fired)
}

#[test]
fn spec_ig1_only_another_answer_fires_the_signal() {
    with_owner(|| {
        let value = LiveValue::<i64>::empty();
        let (memo, fired) = count(value);
        assert_eq!((memo.get_untracked(), value.status.get_untracked()), (None, Status::Loading));
        for _ in 0..3 {
            value.take(r#"{"result":7}"#);
            assert_eq!(memo.get_untracked(), Some(7));
        }
        assert_eq!(value.status.get_untracked(), Status::Ready);
        value.take(r#"{"result":8}"#);
        assert_eq!(memo.get_untracked(), Some(8));
        assert_eq!(fired.load(Ordering::Relaxed), 3, "nothing, 7, 8");
    });
}

#[test]
fn spec_sy3_a_refusal_is_a_status_beside_the_old_value() {
    with_owner(|| {
        let value = LiveValue::<i64>::empty();
        value.take(r#"{"result":7}"#);
        value.take(r#"{"refused":"gone"}"#);
        assert_eq!(value.status.get_untracked(), Status::Failed(Refusal::Gone));
        assert_eq!(value.value.get_untracked(), Some(7));
        value.take(r#"{"result":"of another type"}"#);
        assert!(matches!(value.status.get_untracked(), Status::Failed(Refusal::Failed { .. })));
        value.take(r#"{"result":7}"#);
        assert_eq!(value.status.get_untracked(), Status::Ready);
    });
}

#[test]
fn spec_ig2_a_notice_and_a_gap_make_it_fetch_again_and_the_old_value_stays() {
    with_owner(|| {
        let value = LiveValue::<i64>::empty();
        let position = Position::new(1, 5);
        assert!(value.load(Ok(Reading { position, value: 7 })));
        assert_eq!((value.position(), value.value.get_untracked()), (Some(position), Some(7)));
        let payload = serde_json::value::to_raw_value(&()).unwrap();
        let payload: Arc<serde_json::value::RawValue> = payload.into();
        assert!(!value.revalidate(ClientEvent::Ready { position: Some(position) }));
        assert!(value.revalidate(ClientEvent::Change { position, payload: payload.clone() }));
        assert!(value.revalidate(ClientEvent::Message { payload }));
        assert!(value.revalidate(ClientEvent::Resync { reason: ResyncReason::TooOld, position }));
        assert!(!value.load(Err(Refusal::Unreachable)));
        assert_eq!((value.position(), value.value.get_untracked()), (Some(position), Some(7)));
        let refused = LiveError::new(ErrorCode::PermissionDenied, "no");
        assert!(!value.revalidate(ClientEvent::Refused(refused.clone())));
        assert_eq!(value.status.get_untracked(), Status::Refused(refused));
    });
}

#[test]
fn spec_sy5_a_value_forgets_at_once_what_somebody_else_saw() {
    with_owner(|| {
        let value = LiveValue::<i64>::empty();
        let position = Position::new(1, 5);
        assert!(value.load(Ok(Reading { position, value: 7 })));
        let reason = ResyncReason::Permission;
        assert!(value.revalidate(ClientEvent::Resync { reason, position }));
        let shown = || (value.value.get_untracked(), value.status.get_untracked());
        assert_eq!(shown(), (None, Status::Loading));
        assert!(!value.load(Err(Refusal::Gone)));
        assert_eq!(shown(), (None, Status::Failed(Refusal::Gone)));
    });
}
