//! What is measured of each handler, in rounds that take turns.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use bench::ids::RUN_THAT_PASSES;
use serde_json::{Value, json};

use crate::handler::{Handler, Process};
use crate::load::{self, Rate};
use crate::stubs::Services;

/// The numbers of connections.
pub(crate) const CONNECTIONS: [usize; 3] = [1, 8, 64];

/// How often each handler is started in a round.
const STARTS: usize = 5;

/// How long a handler rests before its memory is read.
const REST: Duration = Duration::from_millis(300);

/// The cores: of the load and the stubs, and of the handler.
const CORES: [&str; 2] = ["0", "1"];

/// The resident memory of a process in MiB.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) all: f64,
    /// Without the pages of the executable, which the system drops when it needs the memory.
    pub(crate) own: f64,
}

/// What a round showed of one handler. Times in milliseconds, memory in MiB.
#[derive(Debug, Clone, Default)]
pub(crate) struct Round {
    pub(crate) deliveries: Vec<Rate>,
    pub(crate) decisions: Rate,
    pub(crate) warm_start: f64,
    pub(crate) cold_start: f64,
    pub(crate) idle: Memory,
    pub(crate) loaded: Memory,
    /// The calls of Azure DevOps that decide a check at its first look.
    pub(crate) calls: f64,
}

/// Where handlers are started.
pub(crate) struct Stage<'a> {
    pub(crate) services: &'a Services,
    pub(crate) root: &'a Path,
    /// Whether there are two cores, one for the handler alone.
    pub(crate) is_pinned: bool,
}

impl<'a> Stage<'a> {
    /// Takes one core for the load and the stubs, where there are two.
    pub(crate) fn new(services: &'a Services, root: &'a Path) -> Self {
        // Asked before this process is pinned, after which it sees one core.
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let own = std::process::id().to_string();
        let pinned = Command::new("taskset").args(["-acp", CORES[0], &own]).stdout(Stdio::null()).status();
        Self { services, root, is_pinned: cores > 1 && pinned.is_ok_and(|status| status.success()) }
    }

    pub(crate) fn start(&self, handler: &Handler) -> Result<Process, String> {
        let taskset = ["taskset", "-c", CORES[1]];
        handler.start(if self.is_pinned { &taskset } else { &[] }, self.services, self.root)
    }

    /// Measures a handler once.
    pub(crate) fn round(&self, handler: &Handler) -> Result<Round, String> {
        let starts = (0..STARTS).map(|_| self.start(handler).map(|it| milliseconds(it.started_in)));
        let warm_start = median(&starts.collect::<Result<Vec<_>, _>>()?);
        if let Some(executable) = handler.executable() {
            evict(executable);
        }
        let cold_start = milliseconds(self.start(handler)?.started_in);
        let process = self.start(handler)?;
        thread::sleep(REST);
        let idle = Memory::of(&process);
        let rates = CONNECTIONS.iter().map(|connections| load::deliveries(&process, self.services, *connections));
        let deliveries = rates.collect::<Result<Vec<_>, _>>()?;
        thread::sleep(REST);
        let loaded = Memory::of(&process);
        let decisions = load::decisions(&process, self.services, 8)?;
        let before = self.services.calls();
        load::evaluate(&process, self.services, 1, RUN_THAT_PASSES)?;
        let calls = (self.services.calls() - before) as f64;
        Ok(Round { deliveries, decisions, warm_start, cold_start, idle, loaded, calls })
    }
}

/// Takes a file out of the memory in which the system keeps files.
fn evict(file: &Path) {
    let of = format!("of={}", file.display());
    let mut command = Command::new("dd");
    command.args([&of, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"]).stderr(Stdio::null());
    // Where there is no dd, both starts are warm.
    let _ = command.status();
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

impl Memory {
    fn of(process: &Process) -> Self {
        let mebibytes = |kibibytes: u64| kibibytes as f64 / 1024.0;
        Self { all: mebibytes(process.resident()), own: mebibytes(process.own()) }
    }

    fn json(self) -> Value {
        json!({ "all": self.all, "own": self.own })
    }
}

/// The figure in the middle.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The medians of a handler's rounds.
pub(crate) fn medians(rounds: &[Round]) -> Round {
    let of = |figure: &dyn Fn(&Round) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
    let rate = |rate: &dyn Fn(&Round) -> Rate| Rate {
        per_second: of(&|round| rate(round).per_second),
        microseconds: of(&|round| rate(round).microseconds),
    };
    let memory = |memory: &dyn Fn(&Round) -> Memory| Memory {
        all: of(&|round| memory(round).all),
        own: of(&|round| memory(round).own),
    };
    Round {
        deliveries: (0..CONNECTIONS.len()).map(|at| rate(&|round| round.deliveries[at])).collect(),
        decisions: rate(&|round| round.decisions),
        warm_start: of(&|round| round.warm_start),
        cold_start: of(&|round| round.cold_start),
        idle: memory(&|round| round.idle),
        loaded: memory(&|round| round.loaded),
        calls: of(&|round| round.calls),
    }
}

impl Round {
    /// The figures as JSON.
    pub(crate) fn json(&self, handler: &Handler) -> Value {
        let deliveries = CONNECTIONS.iter().zip(&self.deliveries).map(|(connections, rate)| {
            json!({ "connections": connections, "perSecond": rate.per_second, "cpuMicroseconds": rate.microseconds })
        });
        let sizes = handler.sizes();
        json!({
            "handler": handler.name(),
            "deliveries": deliveries.collect::<Vec<_>>(),
            "decisions": { "perSecond": self.decisions.per_second, "cpuMicroseconds": self.decisions.microseconds },
            "callsPerDecision": self.calls,
            "startMilliseconds": { "warm": self.warm_start, "evicted": self.cold_start },
            "residentMebibytes": { "idle": self.idle.json(), "loaded": self.loaded.json() },
            "executableBytes": sizes.map(|(size, _)| size),
            "packedBytes": sizes.map(|(_, packed)| packed),
        })
    }
}
