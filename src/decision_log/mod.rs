//! Where the records of decisions go: into the handler's log, and into blobs of the operator's if a setting names a
//! container.
//!
//! No decision waits for a blob. What was decided meanwhile waits in memory, within a limit, and is appended as one block. A
//! block whose answer is lost is appended again: a line may stand there twice, with the same `id`. What cannot be appended
//! leaves an event; the record itself stands in the log.
//!
//! # Layout
//!
//! [`Container`] is where the blobs are, and what lets checkgate in. `blob` makes the requests. `block` is what waits.

mod blob;
mod block;
mod container;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio::time::timeout;

use crate::decision_record::DecisionRecord;
use crate::events::Event;

use blob::{Blobs, NotAppended};
use block::{Block, Waiting};
pub use container::Container;

/// How often a block is appended again. With the pauses of 1, 2 and 4 s, a short outage passes meanwhile.
const RETRIES: usize = 3;

/// How long all tries for one block may take: what is decided later waits in memory meanwhile.
const APPENDING_TIME: Duration = Duration::from_secs(60);

/// The most blobs of one day: five million blocks.
const MAX_PARTS: u32 = 100;

/// How long it is tried to append a block.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long one request may take.
    pub request: Duration,
    /// The first pause between two tries. Each further one is twice as long.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { request: Duration::from_secs(10), pause: Duration::from_secs(1) }
    }
}

/// Keeps the records of decisions.
#[derive(Default)]
pub struct DecisionLog(Option<Arc<Appender>>);

struct Appender {
    blobs: Blobs,
    patience: Patience,
    waiting: Mutex<Waiting>,
}

impl DecisionLog {
    /// Keeps records in the handler's log, and in blobs of this container.
    #[must_use]
    pub fn with_blobs(container: Container, http: reqwest::Client, patience: Patience) -> Self {
        let blobs = Blobs::new(container, http, patience.request);
        Self(Some(Arc::new(Appender { blobs, patience, waiting: Mutex::default() })))
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        match self.0 {
            Some(appender) => {
                let Blobs { container, http, .. } = appender.blobs.clone();
                Self::with_blobs(container, http, patience)
            }
            None => self,
        }
    }

    /// Writes a record into the handler's log, and has it appended in the background.
    pub fn keep(&self, record: DecisionRecord) {
        let line = record.log();
        let Some(appender) = &self.0 else { return };
        let id = line.id;
        let mut waiting = appender.waiting();
        if !waiting.add(line) {
            let why = format!("the record with the id {id}: too many records wait to be appended");
            return Event::RecordNotAppended.report(&why);
        }
        // A task that panicked has ended too.
        if waiting.task.as_ref().is_none_or(tokio::task::AbortHandle::is_finished) {
            waiting.task = Some(tokio::spawn(Arc::clone(appender).append_all()).abort_handle());
        }
    }

    /// Whether a record is being appended.
    #[must_use]
    pub fn is_appending(&self) -> bool {
        self.0.as_ref().is_some_and(|appender| appender.waiting().task.as_ref().is_some_and(|task| !task.is_finished()))
    }
}

impl Appender {
    /// What is in it is whole after each statement, so what a panic left is good.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends what waits, until nothing does.
    async fn append_all(self: Arc<Self>) {
        loop {
            // The next record starts another task.
            let Some(block) = self.waiting().next_block() else { return };
            let late = |_| Err(format!("they were not appended within {} s", APPENDING_TIME.as_secs()));
            if let Err(why) = timeout(APPENDING_TIME, self.append(&block)).await.unwrap_or_else(late) {
                let Block { records, first, .. } = block;
                Event::RecordNotAppended.report(&format!("{records} from the record with the id {first} on: {why}"));
            }
        }
    }

    async fn append(&self, block: &Block) -> Result<(), String> {
        let pauses = ExponentialBuilder::default().with_min_delay(self.patience.pause).with_max_times(RETRIES);
        let tried = (|| self.append_once(block)).retry(pauses).when(|why| matches!(why, NotAppended::NotNow(_))).await;
        tried.map_err(|why| why.to_string())
    }

    async fn append_once(&self, block: &Block) -> Result<(), NotAppended> {
        for part in 1..=MAX_PARTS {
            match self.blobs.append(&block.blob(part), &block.text).await {
                Err(NotAppended::Full) => {}
                ended => return ended,
            }
        }
        Err(NotAppended::Full)
    }
}

impl fmt::Debug for DecisionLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DecisionLog").field(&self.0.as_ref().map(|appender| &appender.blobs.container)).finish()
    }
}
