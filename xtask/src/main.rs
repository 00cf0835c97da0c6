//! `cargo xtask …`: every command of the project in one place, runnable on a fresh machine.

mod bench;
mod budget;
mod chromium;
mod codes;
mod command;
mod dev;
mod doctor;
mod packages;
mod project;
mod simulate;
mod site;
mod size;
mod steps;
mod table;
mod test;
mod threats;
mod tidy;
mod tools;
mod version;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command::Failure;
use crate::project::Project;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own commands.")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Install what is missing, then build, serve and reload on every change.
    Dev {
        /// Passed on to `cargo leptos watch`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Everything that continuous integration runs.
    Test(test::Options),
    /// Measure memory of idle connections and time of a delivery, on this machine.
    Bench {
        /// Passed on to the load tool; `-- --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Random schedules of writes and faults against server and pages, with optimised code.
    Simulate(simulate::Options),
    /// The quick loop before a commit: format, tidy, clippy for server and browser.
    Check,
    /// Show which tools are there, which are missing and the command that fixes it.
    Doctor,
    /// House rules: short files, a first line that says what the file is for, documented error codes.
    Tidy,
    /// Weigh what a browser loads first and compare it with the budget.
    Size {
        /// Write the present size plus one percent as the new budget.
        #[arg(long)]
        record: bool,
    },
}

fn main() -> ExitCode {
    let verb = Arguments::parse().verb;
    match Project::open().and_then(|project| obey(&project, verb)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn obey(project: &Project, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Dev { arguments } => dev::watch(project, &arguments),
        Verb::Test(options) => test::run(project, &options),
        Verb::Bench { arguments } => bench::bench(project, &arguments),
        Verb::Simulate(options) => simulate::simulate(project, &options),
        Verb::Check => test::check(project),
        Verb::Doctor => doctor::examine(project),
        Verb::Tidy => tidy::check(project),
        Verb::Size { record: true } => size::record(project),
        Verb::Size { record: false } => size::check(project),
    }
}
