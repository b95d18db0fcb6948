//! One clock for two processes: the simulated systems in this one, and the handler that the simulated host starts.
//!
//! A small file says how the clock runs. The handler reads it whenever it needs the time. So the demo may change the speed
//! or open a window, and the handler keeps the same time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simulator::{Clock, Pace};

/// The setting that tells the handler where the file is.
pub(crate) const SETTING: &str = "CHECKGATE_DEMO_CLOCK";

/// What the file says.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Written {
    since: i64,
    at: i64,
    speed: f64,
}

/// The clock, and the file for the handler.
pub(crate) struct SharedClock {
    clock: Clock,
    file: PathBuf,
}

impl SharedClock {
    /// Starts at the real time.
    pub(crate) fn start(speed: f64, file: PathBuf) -> io::Result<Self> {
        let shared = Self { clock: Clock::at_speed(speed), file };
        shared.write().map(|()| shared)
    }

    /// The clock of the simulated systems.
    pub(crate) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Where the handler reads it.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Runs so many times faster than real time from now on.
    pub(crate) fn set_speed(&self, speed: f64) -> io::Result<()> {
        self.clock.set_speed(speed);
        self.write()
    }

    /// How many times faster than real time it runs.
    pub(crate) fn speed(&self) -> f64 {
        self.clock.pace().map_or(0.0, |pace| pace.speed)
    }

    /// Moves the time forward.
    pub(crate) fn advance(&self, by: Duration) -> io::Result<()> {
        self.clock.advance(by);
        self.write()
    }

    /// Writes another file and puts it in the place of this one, so that nobody reads half of it.
    fn write(&self) -> io::Result<()> {
        let Some(pace) = self.clock.pace() else { return Ok(()) };
        let Pace { since, at, speed } = pace;
        let written = Written { since: since.timestamp_micros(), at: at.timestamp_micros(), speed };
        let new = self.file.with_extension("new");
        fs::write(&new, serde_json::to_vec(&written)?)?;
        fs::rename(new, &self.file)
    }
}

/// The clock of the handler. While the file cannot be read, the clock runs on as before.
pub(crate) fn of_handler(file: PathBuf) -> checkgate::clock::Clock {
    let last: Mutex<Option<Pace>> = Mutex::default();
    let system = checkgate::clock::Clock::system();
    checkgate::clock::Clock::from_fn(move || {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = read(&file).or(*last);
        last.map_or_else(|| system.now(), |pace| pace.now())
    })
}

fn read(file: &Path) -> Option<Pace> {
    let Written { since, at, speed } = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let time = DateTime::<Utc>::from_timestamp_micros;
    Some(Pace { since: time(since)?, at: time(at)?, speed })
}
