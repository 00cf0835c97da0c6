//! Leaves out what a failure does not need.

use std::sync::Arc;

use super::{
    kind::Kind,
    plan::Plan,
    run::{Failure, once},
};
use crate::contract::Live;

/// Removes steps, in ever smaller groups, for as long as the rest still fails.
pub fn shrink<T: Live>(kind: &Arc<Kind<T>>, mut failure: Failure) -> Failure {
    let mut size = failure.plan.ops.len().div_ceil(2).max(1);
    loop {
        let before = failure.plan.ops.len();
        let mut at = before;
        while at > 0 {
            at = at.saturating_sub(size);
            let mut plan = failure.plan.clone();
            plan.ops.drain(at..(at + size).min(plan.ops.len()));
            try_plan(kind, plan, &mut failure);
        }
        // The size of one is tried again until nothing more can go.
        if size == 1 && failure.plan.ops.len() == before {
            break;
        }
        size = (size / 2).max(1);
    }
    for at in (0..failure.plan.before.len()).rev() {
        let mut plan = failure.plan.clone();
        plan.before.remove(at);
        try_plan(kind, plan, &mut failure);
    }
    for at in 0..failure.plan.ops.len() {
        // Whatever need not happen at once does not.
        let mut plan = failure.plan.clone();
        plan.ops[at].1 = true;
        try_plan(kind, plan, &mut failure);
    }
    failure
}

fn try_plan<T: Live>(kind: &Arc<Kind<T>>, plan: Plan, failure: &mut Failure) {
    if let Err(faults) = once(kind, &plan) {
        *failure = Failure { plan, faults };
    }
}
