//! Runs schedules on two threads, each with its own runtime and a fresh file now and then.

use std::{
    any::Any,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
    task::spawn_blocking,
};

use super::{disk::Disk, paths::Paths, plan::Plan, server, world::World};

/// Schedules that share a file.
const BATCH: u64 = 100;
/// How often it is looked whether a schedule hangs.
const PULSE: Duration = Duration::from_millis(250);
const THREADS: usize = 2;

/// What a schedule found.
pub struct Failure {
    pub plan: Box<Plan>,
    pub faults: Vec<String>,
}

impl Failure {
    /// Whether every attempt would take many seconds.
    pub fn hangs(&self) -> bool {
        self.faults.iter().any(|fault| fault == server::HANGS)
    }
}

/// Runs the schedules of these seeds; stops at the first that fails.
pub fn run(seeds: Range<u64>) -> Result<Paths, Failure> {
    let stop = AtomicBool::new(false);
    let failure = Mutex::new(None);
    let sum = Mutex::new(Paths::default());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (stop, failure, sum) = (&stop, &failure, &sum);
            let seeds = seeds.clone().skip(thread).step_by(THREADS);
            scope.spawn(move || {
                let mut file = File::new();
                for seed in seeds {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let plan = Plan::draw(seed);
                    match file.schedule(&plan) {
                        Ok(paths) => sum.lock().expect("no panic").add(&paths),
                        Err(faults) => {
                            stop.store(true, Ordering::Relaxed);
                            *failure.lock().expect("no panic") =
                                Some(Failure { plan: Box::new(plan), faults });
                        }
                    }
                }
            });
        }
    });
    match failure.into_inner().expect("no panic") {
        Some(failure) => Err(failure),
        None => Ok(sum.into_inner().expect("no panic")),
    }
}

/// Runs one schedule on a file of its own.
pub fn once(plan: &Plan) -> Result<Paths, Vec<String>> {
    File::new().schedule(plan)
}

/// A runtime, and a file that schedules share. Dropped in this order.
struct File {
    disk: Option<Disk>,
    pulse: Arc<Notify>,
    /// Ends the pulse.
    _end: mpsc::Sender<()>,
    runtime: Runtime,
    schedules: u64,
}

impl File {
    fn new() -> Self {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().expect("a runtime");
        let (end, ended) = mpsc::channel();
        let pulse = Arc::new(Notify::new());
        let beats = pulse.clone();
        // While this runs, the runtime's clock moves only when it is told to: waiting for the database
        // is not idleness. And whoever waits for too long learns of it by the pulse.
        let beat = move || {
            while ended.recv_timeout(PULSE) == Err(mpsc::RecvTimeoutError::Timeout) {
                beats.notify_waiters();
            }
        };
        {
            let _inside = runtime.enter();
            spawn_blocking(beat);
        }
        Self { disk: None, pulse, _end: end, runtime, schedules: 0 }
    }

    fn schedule(&mut self, plan: &Plan) -> Result<Paths, Vec<String>> {
        self.schedules += 1;
        if self.schedules.is_multiple_of(BATCH) {
            self.disk = None;
        }
        let run =
            AssertUnwindSafe(|| self.runtime.block_on(schedule(&mut self.disk, &self.pulse, plan)));
        let result = catch_unwind(run).unwrap_or_else(|panic| Err(vec![words(&*panic)]));
        if result.is_err() {
            self.disk = None;
        }
        result
    }
}

async fn schedule(
    disk: &mut Option<Disk>,
    pulse: &Arc<Notify>,
    plan: &Plan,
) -> Result<Paths, Vec<String>> {
    if disk.is_none() {
        *disk = Some(Disk::create().await);
    }
    let Some(disk) = disk else { unreachable!("it was made just now") };
    let mut world = World::new(disk, pulse.clone(), plan).await;
    for (index, (op, rest)) in plan.ops.iter().enumerate() {
        world.apply(op).await;
        if *rest {
            world.server.settle().await;
        }
        world.verdict(|| format!("at step {index}, {op:?}"))?;
    }
    world.finish(plan).await;
    world.verdict(|| "at the end".into())
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
