//! Whether memory stays flat over many evaluations, and what checks that sleep cost.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bench::http::Connection;
use bench::ids::{RUN_THAT_WAITS, plan};

use crate::figures::Stage;
use crate::handler::{Handler, Process};
use crate::load;

/// As many as the host lets one instance run at a time.
const CONCURRENCY: usize = 256;

/// How many evaluations there are in all, and between two lines.
const EVALUATIONS: usize = 100_000;
const PART: usize = 20_000;

/// How many checks sleep.
const SLEEPING: usize = 10_000;

/// How long the process is watched while they sleep.
const WATCHED: Duration = Duration::from_secs(10);

/// Measures, and prints what it finds.
pub(crate) fn measure(stage: &Stage<'_>, handler: &Handler, say: &dyn Fn(&str)) -> Result<(), String> {
    let process = stage.start(handler)?;
    say(&format!("idle: {} KiB resident", process.resident()));
    let begun = Instant::now();
    for number in 0..SLEEPING {
        let envelope = load::envelope(&process, stage.services, number, RUN_THAT_WAITS)?;
        evaluate(&process, stage, &[(plan(number), envelope)], 1)?;
    }
    say(&format!("{SLEEPING} checks evaluated once in {:.0?}: {} KiB resident", begun.elapsed(), process.resident()));
    let used = process.used();
    thread::sleep(WATCHED);
    let used = process.used() - used;
    say(&format!("while they sleep: {used:.0?} of CPU in {WATCHED:.0?}, {} KiB resident", process.resident()));

    let envelopes: Result<Vec<_>, String> = (0..CONCURRENCY)
        .map(|number| Ok((plan(number), load::envelope(&process, stage.services, number, RUN_THAT_WAITS)?)))
        .collect();
    let envelopes = envelopes?;
    for part in 1..=EVALUATIONS / PART {
        let begun = Instant::now();
        evaluate(&process, stage, &envelopes, PART)?;
        let rate = PART as f64 / begun.elapsed().as_secs_f64();
        let done = part * PART;
        say(&format!("{done} evaluations, {CONCURRENCY} at a time: {} KiB resident, {rate:.0}/s", process.resident()));
    }
    Ok(())
}

/// Evaluates checks so many times in all, each over a connection of its own.
fn evaluate(process: &Process, stage: &Stage<'_>, checks: &[(String, Vec<u8>)], times: usize) -> Result<(), String> {
    let left = AtomicUsize::new(times);
    let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    let run = |(plan, envelope): &(String, Vec<u8>)| -> io::Result<()> {
        let mut connection = Connection::open(process.port)?;
        while take() {
            stage.services.await_check(plan);
            if connection.ask(envelope)?.status() != 200 {
                return Err(io::Error::other("an evaluation failed"));
            }
        }
        Ok(())
    };
    let run = &run;
    thread::scope(|scope| {
        let threads: Vec<_> = checks.iter().map(|check| scope.spawn(move || run(check))).collect();
        let ended = threads.into_iter().map(|it| it.join().unwrap_or_else(|_| Err(io::Error::other("it panicked"))));
        ended.collect::<io::Result<()>>().map_err(|error| error.to_string())
    })
}
