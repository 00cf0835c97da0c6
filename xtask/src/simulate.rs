//! `cargo xtask simulate`: the simulation with optimised code, over as many seeds as there is time for.

use std::process::Command;

use clap::Args;

use crate::command::{Failure, run};
use crate::project::Project;

/// The tests that it runs have this in their names.
const TESTS: &str = "whatever_happens";

#[derive(Args)]
pub(crate) struct Options {
    /// How many schedules.
    #[arg(long, default_value = "1_000_000", value_parser = number)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value = "0", value_parser = number)]
    from: u64,
    /// How many threads; as many as there are cores when left out.
    #[arg(long)]
    jobs: Option<usize>,
    /// Whose row types: `tidewire` has one with everything, `app` has yours.
    #[arg(long, default_value = "tidewire")]
    package: String,
}

/// Runs the seeds. The failing one is printed with what runs it again.
pub(crate) fn simulate(project: &Project, options: &Options) -> Result<(), Failure> {
    run(&mut command(project, options))
        .map_err(|_| Failure::new("a schedule failed, or did not compile; its seed is above"))
}

fn command(project: &Project, options: &Options) -> Command {
    let Options { seeds, from, jobs, package } = options;
    let test = ["test", "--profile", "simulation", "-p", package, "--test", "simulation"];
    let mut command = project.command("cargo", &test);
    command.args(["--", "--nocapture", TESTS]);
    command.env("TIDEWIRE_SIMULATION", format!("{from}..{}", from.saturating_add(*seeds)));
    if let Some(jobs) = jobs {
        command.env("TIDEWIRE_SIMULATION_JOBS", jobs.to_string());
    }
    command
}

/// A number that may be written with `_` between its digits.
fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| format!("{text:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::shown;

    #[test]
    fn spec_the_range_of_seeds_reaches_the_test() {
        let project = Project::open().expect("the repository opens");
        let options = Options { seeds: 5, from: 7, jobs: Some(1), package: "app".into() };
        let line = shown(&command(&project, &options));
        assert!(line.contains("TIDEWIRE_SIMULATION=7..12"), "{line}");
        assert!(line.contains("--profile simulation -p app --test simulation"), "{line}");
    }

    #[test]
    fn spec_numbers_may_be_grouped() {
        assert_eq!(number("1_000_000"), Ok(1_000_000));
        assert!(number("many").is_err());
    }
}
