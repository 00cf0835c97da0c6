//! Leaves out what a failure does not need.

use super::run::{Failure, once};

/// Removes steps for as long as the rest still fails.
pub fn shrink(mut failure: Failure) -> Failure {
    if failure.hangs() {
        return failure;
    }
    for _ in 0..3 {
        let before = failure.plan.ops.len();
        for index in (0..before).rev() {
            let mut plan = failure.plan.clone();
            plan.ops.remove(index);
            if let Err(faults) = once(&plan) {
                failure = Failure { plan, faults };
            }
        }
        if failure.plan.ops.len() == before {
            break;
        }
    }
    failure
}
