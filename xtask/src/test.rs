//! `cargo xtask test` and `check`: runs the steps, times them, and ends with a table.

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::command::Failure;
use crate::project::Project;
use crate::steps::{Outcome, Step};
use crate::table::{duration, table};
use crate::tools;

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Leave out the browser tests and the release build they need.
    #[arg(long, conflicts_with = "only")]
    quick: bool,
    /// Run this step alone; may be repeated.
    #[arg(long, value_name = "STEP")]
    only: Vec<Step>,
    /// Run the remaining steps after one has failed.
    #[arg(long)]
    keep_going: bool,
    /// Passed on to Playwright, after `--`.
    #[arg(last = true)]
    playwright: Vec<String>,
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<(), Failure> {
    run_steps(project, &chosen(options), options)
}

/// Format, tidy and both clippys.
pub(crate) fn check(project: &Project) -> Result<(), Failure> {
    tools::ensure_toolchain(project)?;
    run_steps(project, &Step::CHECK, &Options::default())
}

fn chosen(options: &Options) -> Vec<Step> {
    let wanted = |step: &&Step| match options.only.as_slice() {
        [] => !(options.quick && step.is_slow()),
        only => only.contains(step),
    };
    Step::value_variants().iter().filter(wanted).copied().collect()
}

fn run_steps(project: &Project, steps: &[Step], options: &Options) -> Result<(), Failure> {
    let start = Instant::now();
    let mut rows = Vec::new();
    let mut failed: Vec<(Step, Failure)> = Vec::new();
    for &step in steps {
        let name = step.name();
        if !failed.is_empty() && !options.keep_going {
            rows.push([name, "not run".to_owned(), String::new()]);
            continue;
        }
        println!("\n=== {name} ===");
        let began = Instant::now();
        let result = step.run(project, options.quick, &options.playwright);
        let took = began.elapsed();
        let verdict = verdict(&result);
        println!("--- {name}: {verdict}, {}", duration(took));
        rows.push([name, verdict, duration(took)]);
        if let Err(failure) = result {
            failed.push((step, failure));
        }
    }
    println!("\n{}", summary(&rows, start.elapsed()));
    complain(failed)
}

fn verdict(result: &Result<Outcome, Failure>) -> String {
    match result {
        Ok(Outcome::Passed) => "passed".to_owned(),
        Ok(Outcome::Skipped(why)) => format!("skipped: {why}"),
        Err(_) => "FAILED".to_owned(),
    }
}

fn summary(rows: &[[String; 3]], total: Duration) -> String {
    let mut rows = rows.to_vec();
    rows.push(["all".to_owned(), String::new(), duration(total)]);
    table(["step", "result", "took"], &rows)
}

/// The last failure is returned, the ones before it are printed.
fn complain(failed: Vec<(Step, Failure)>) -> Result<(), Failure> {
    let mut told = failed.into_iter().map(|(step, failure)| {
        let again = format!("cargo xtask test --only {}", step.name());
        (step, failure.or_remedy(again))
    });
    let Some((_, last)) = told.next_back() else {
        return Ok(());
    };
    for (step, failure) in told {
        eprintln!("\nstep {}: {failure}", step.name());
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_without_options_all_steps_run_in_their_order() {
        let steps = chosen(&Options::default());
        assert_eq!(steps, Step::value_variants());
        assert_eq!((steps[0], steps[steps.len() - 1]), (Step::Tools, Step::Size));
    }

    #[test]
    fn spec_quick_leaves_out_release_and_browser() {
        let steps = chosen(&Options { quick: true, ..Options::default() });
        assert_eq!(steps.last(), Some(&Step::Machete));
    }

    #[test]
    fn spec_only_keeps_the_order_of_the_steps() {
        let only = vec![Step::Size, Step::Fmt];
        assert_eq!(chosen(&Options { only, ..Options::default() }), [Step::Fmt, Step::Size]);
    }

    #[test]
    fn spec_a_failure_names_the_step_to_repeat() {
        let failure = complain(vec![(Step::Test, Failure::new("x"))]).expect_err("it failed");
        assert!(failure.to_string().ends_with("run: cargo xtask test --only test"), "{failure}");
        assert!(complain(Vec::new()).is_ok());
    }

    #[test]
    fn spec_the_summary_ends_with_the_whole_time() {
        let rows = [["fmt".to_owned(), "passed".to_owned(), "0.1 s".to_owned()]];
        let text = summary(&rows, Duration::from_secs(61));
        assert!(text.ends_with("1 min 01 s"), "{text}");
    }
}
