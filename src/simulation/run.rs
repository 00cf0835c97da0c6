//! Runs the schedules of many seeds on every core, and says what they came to.

use std::{
    any::Any,
    env,
    fmt::Write as _,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    kind::Kind, kind::MakeRow, paths::Path, paths::Paths, plan::Plan, shrink, world::World,
};
use crate::contract::Live;

/// Seeds that a thread takes at a time.
const BATCH: u64 = 20;
/// How often it is said how far everything has come.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What to run.
pub struct Simulation<T: Live> {
    /// One schedule for each seed. `TIDEWIRE_SIMULATION=5..9` in the environment takes its place, and
    /// `TIDEWIRE_SIMULATION=7` runs that one alone.
    pub seeds: Range<u64>,
    /// Makes a row for a key, a small number. The same key has the same id each time; whatever else is
    /// in the row should come from the random numbers, so that rows change and move between scopes.
    pub row: MakeRow<T>,
}

/// What the schedules came to. All of them went well.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many there were.
    pub schedules: u64,
    /// How long they took.
    pub took: Duration,
    /// The ways that they have taken through the system.
    pub paths: Paths,
    /// The sum of every frame that a server said: the same for the same seeds.
    pub trace: u64,
    has_scopes: bool,
    has_merge: bool,
}

/// What a schedule found.
pub(super) struct Failure {
    pub plan: Plan,
    pub faults: Vec<String>,
}

/// Runs every schedule, on as many threads as there are cores (`TIDEWIRE_SIMULATION_JOBS`).
///
/// # Panics
/// With the lowest seed whose schedule found something that is not true, the schedule without what the
/// failure does not need, and the fault. Also when the row type breaks a rule: see [`Simulation::row`].
pub fn run<T: Live>(simulation: Simulation<T>) -> Report {
    let kind = Arc::new(Kind::new(simulation.row));
    let seeds = wanted().unwrap_or(simulation.seeds);
    let started = Instant::now();
    let (next, lowest) = (AtomicU64::new(seeds.start), AtomicU64::new(u64::MAX));
    let sum = Mutex::new((Paths::default(), 0_u64, started));
    let failure = Mutex::new(None);
    let work = || {
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= seeds.end.min(lowest.load(Ordering::Relaxed)) {
                return;
            }
            for seed in first..seeds.end.min(first + BATCH) {
                if seed >= lowest.load(Ordering::Relaxed) {
                    return;
                }
                let plan = Plan::draw(seed);
                match once(&kind, &plan) {
                    Ok((paths, trace)) => {
                        let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                        sum.0.merge(&paths);
                        sum.1 = sum.1.wrapping_add(trace);
                    }
                    Err(faults) => {
                        if lowest.fetch_min(seed, Ordering::Relaxed) > seed {
                            *failure.lock().unwrap_or_else(PoisonError::into_inner) =
                                Some(Failure { plan, faults });
                        }
                    }
                }
            }
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            if sum.2.elapsed() > SAY_EVERY {
                sum.2 = Instant::now();
                println!("{}", progress(first - seeds.start, &seeds, started));
            }
        }
    };
    thread::scope(|scope| (0..jobs()).for_each(|_| _ = scope.spawn(work)));
    if let Some(failure) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        panic!("{}", describe(&kind, shrink::shrink(&kind, failure)));
    }
    let (paths, trace, _) = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (has_scopes, has_merge) = kind.abilities();
    let schedules = seeds.end.saturating_sub(seeds.start);
    Report { schedules, took: started.elapsed(), paths, trace, has_scopes, has_merge }
}

impl Report {
    /// The ways that no schedule has taken, apart from those that the row type does not have: without
    /// scopes no row moves, and without [`Live::merge`] no edits are joined.
    pub fn untaken(&self) -> Vec<Path> {
        let mut untaken = self.paths.untaken();
        untaken.retain(|path| match path {
            Path::Moved => self.has_scopes,
            Path::Merged => self.has_merge,
            _ => true,
        });
        untaken
    }

    /// The report for a person to read.
    pub fn summary(&self) -> String {
        let Self { schedules, took, trace, .. } = self;
        let rate = *schedules as f64 / took.as_secs_f64().max(0.001);
        let mut text =
            format!("{schedules} schedules in {took:.1?}, {rate:.0} a second, trace {trace:016x}");
        for (path, count) in self.paths.counts() {
            _ = write!(text, "\n{count:>11} {path:?}");
        }
        text
    }
}

/// Runs one schedule: the ways that it took and the sum of what was said, or what was wrong.
pub(super) fn once<T: Live>(kind: &Arc<Kind<T>>, plan: &Plan) -> Result<(Paths, u64), Vec<String>> {
    let run = AssertUnwindSafe(|| {
        let mut world = World::new(kind.clone(), plan);
        for (index, (op, rest)) in plan.ops.iter().enumerate() {
            world.apply(op);
            if *rest {
                world.server.settle();
            }
            world.verdict(|| format!("at step {index}, {op:?}"))?;
        }
        world.finish(plan);
        world.verdict(|| "at the end".into())
    });
    catch_unwind(run).unwrap_or_else(|panic| Err(vec![words(&*panic)]))
}

fn describe<T: Live>(kind: &Kind<T>, failure: Failure) -> String {
    let Failure { plan, faults } = failure;
    let Plan { seed, generous, pages, before, trimmed_before, limits, ops } = &plan;
    let mut text = format!(
        "seed {seed} of {} is not true:\n  {}\n\nthe shortest schedule that shows it, {pages} pages",
        T::RESOURCE,
        faults.join("\n  ")
    );
    _ = writeln!(
        text,
        "{}; history {}, queue {}, replay {}, log {} entries, heartbeat {:?}",
        if *generous { ", nothing may cost a place" } else { "" },
        limits.history_events,
        limits.queue_frames,
        limits.replay_events,
        limits.log_entries,
        limits.heartbeat,
    );
    for topic in kind.topics() {
        _ = writeln!(text, "  channel {}: {}", topic.0, kind.name(topic));
    }
    _ = writeln!(text, "  before: {before:?}, trimmed to {trimmed_before:?}");
    for (index, (op, rest)) in ops.iter().enumerate() {
        let rest = if *rest { "" } else { " (and on at once)" };
        _ = writeln!(text, "  {index:>3} {op:?}{rest}");
    }
    _ = write!(text, "again: TIDEWIRE_SIMULATION={seed} and the same test");
    text
}

fn progress(done: u64, seeds: &Range<u64>, started: Instant) -> String {
    let rate = done as f64 / started.elapsed().as_secs_f64();
    let all = seeds.end - seeds.start;
    let left = (all - done) as f64 / rate.max(0.001);
    format!("{done} of {all} schedules, {rate:.0} a second, {left:.0} s left")
}

/// The seeds that the environment asks for.
fn wanted() -> Option<Range<u64>> {
    let text = env::var("TIDEWIRE_SIMULATION").ok()?;
    let number = |text: &str| text.replace('_', "").parse::<u64>().ok();
    let range = match text.split_once("..") {
        Some((from, to)) => number(from).zip(number(to)),
        None => number(&text).map(|seed| (seed, seed + 1)),
    };
    let (from, to) = range.expect("TIDEWIRE_SIMULATION is a seed or a range such as 5..9");
    Some(from..to)
}

fn jobs() -> usize {
    let wanted = env::var("TIDEWIRE_SIMULATION_JOBS").ok().and_then(|text| text.parse().ok());
    wanted.or(thread::available_parallelism().ok().map(usize::from)).unwrap_or(1)
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
