//! Collects what is logged, so that a test can say that a client's mistake is not an error, and that no
//! secret is among it.

use std::sync::{Arc, Mutex};

use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};

/// Collects the error lines of this thread for as long as it lives; a test with a runtime of one thread
/// runs its server there, too.
pub struct ErrorCount {
    lines: Arc<Mutex<Vec<String>>>,
    _second: Dispatch,
    _guard: DefaultGuard,
}

impl ErrorCount {
    pub fn start() -> Self {
        Self::of_level(Level::ERROR)
    }

    fn of_level(level: Level) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let dispatch = || Dispatch::new(Lines(lines.clone(), level));
        // While there is but one, another test's thread that comes to a line first switches it off for all:
        // it asks its own subscriber, and has none.
        let (first, second) = (dispatch(), dispatch());
        let guard = tracing::dispatcher::set_default(&first);
        Self { lines, _second: second, _guard: guard }
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").clone()
    }
}

/// Collects every line of this thread, of every library and level, and what spans are given.
pub struct LogLines(ErrorCount);

impl LogLines {
    pub fn start() -> Self {
        Self(ErrorCount::of_level(Level::TRACE))
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lines()
    }
}

/// Lines of at least this level.
struct Lines(Arc<Mutex<Vec<String>>>, Level);

impl Lines {
    fn add(&self, target: &str, record: impl FnOnce(&mut Line)) {
        let mut line = Line(target.to_owned());
        record(&mut line);
        self.0.lock().expect("no panic").push(line.0);
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.1
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        self.add(span.metadata().target(), |line| span.record(line));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        self.add("", |line| values.record(line));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.add(event.metadata().target(), |line| event.record(line));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}
