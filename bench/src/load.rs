//! The load: so many connections, each with one request at a time.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bench::http::{Connection, request};
use bench::ids::{RUN_THAT_PASSES, RUN_THAT_WAITS, delivery, plan};
use serde_json::{Value, json};

use crate::handler::{Process, plan_url};
use crate::stubs::Services;

/// How long the load lasts before it is measured: connections are opened, and all is in the caches.
const WARM_UP: Duration = Duration::from_millis(250);

/// How long it is measured.
const MEASURED: Duration = Duration::from_millis(1_250);

/// What a load showed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rate {
    /// How many were answered each second.
    pub(crate) per_second: f64,
    /// The time of the processor that the handler used for each, in microseconds.
    pub(crate) microseconds: f64,
}

/// What one connection does with one request after another.
type Work<'a> = dyn Fn(&mut Connection) -> io::Result<()> + Sync + 'a;

/// Repeats the work of each connection for a while, and counts.
fn measure(process: &Process, works: &[Box<Work<'_>>]) -> Result<Rate, String> {
    let (done, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let port = process.port;
    let repeat = |work: &Work<'_>| -> io::Result<()> {
        let mut connection = Connection::open(port)?;
        while !is_over.load(Ordering::Relaxed) {
            work(&mut connection)?;
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let repeat = &repeat;
    thread::scope(|scope| {
        let threads: Vec<_> = works.iter().map(|work| scope.spawn(move || repeat(work.as_ref()))).collect();
        thread::sleep(WARM_UP);
        let (begun, before, used) = (Instant::now(), done.load(Ordering::Relaxed), process.used());
        thread::sleep(MEASURED);
        let (count, elapsed) = (done.load(Ordering::Relaxed) - before, begun.elapsed());
        let used = process.used() - used;
        is_over.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| "the load panicked")?.map_err(|error| format!("the load broke: {error}"))?;
        }
        let count = count.max(1) as f64;
        Ok(Rate { per_second: count / elapsed.as_secs_f64(), microseconds: used.as_secs_f64() * 1e6 / count })
    })
}

fn expect(is_so: bool, what: &str) -> io::Result<()> {
    if is_so { Ok(()) } else { Err(io::Error::other(what.to_owned())) }
}

/// Deliveries over so many connections.
pub(crate) fn deliveries(process: &Process, services: &Services, connections: usize) -> Result<Rate, String> {
    let work = |number: usize| -> Box<Work<'_>> {
        let delivery = delivery(number, &plan_url(services), RUN_THAT_PASSES);
        Box::new(move |connection| expect(connection.ask(&delivery)?.status() == 200, "a delivery was refused"))
    };
    measure(process, &(0..connections).map(work).collect::<Vec<_>>())
}

/// Decisions over so many connections: each evaluates one check again and again, of which nothing is known.
pub(crate) fn decisions(process: &Process, services: &Services, connections: usize) -> Result<Rate, String> {
    let work = |number: usize| -> Result<Box<Work<'_>>, String> {
        let (plan, envelope) = (plan(number), envelope(process, services, number, RUN_THAT_PASSES)?);
        Ok(Box::new(move |connection| {
            services.await_check(&plan);
            expect(connection.ask(&envelope)?.status() == 200, "an evaluation failed")?;
            expect(services.is_decided(&plan), "a check was not decided")
        }))
    };
    measure(process, &(0..connections).map(work).collect::<Result<Vec<_>, _>>()?)
}

/// Delivers so many times over one connection.
pub(crate) fn deliver(process: &Process, services: &Services, times: usize) -> Result<(), String> {
    let delivery = delivery(0, &plan_url(services), RUN_THAT_PASSES);
    let run = || {
        let mut connection = Connection::open(process.port)?;
        (0..times).try_for_each(|_| expect(connection.ask(&delivery)?.status() == 200, "a delivery was refused"))
    };
    run().map_err(|error: io::Error| error.to_string())
}

/// Evaluates one check so many times over one connection. It passes or waits, as its run does.
pub(crate) fn evaluate(process: &Process, services: &Services, times: usize, run: u64) -> Result<(), String> {
    let envelope = envelope(process, services, 0, run)?;
    let evaluate = || {
        let mut connection = Connection::open(process.port)?;
        (0..times).try_for_each(|_| {
            services.await_check(&plan(0));
            expect(connection.ask(&envelope)?.status() == 200, "an evaluation failed")?;
            expect(services.is_decided(&plan(0)) == (run != RUN_THAT_WAITS), "a check was decided wrongly")
        })
    };
    evaluate().map_err(|error: io::Error| error.to_string())
}

/// Delivers a check, and returns the request by which the host hands over its message.
pub(crate) fn envelope(process: &Process, services: &Services, number: usize, run: u64) -> Result<Vec<u8>, String> {
    let delivered = || {
        let mut connection = Connection::open(process.port)?;
        let delivery = delivery(number, &plan_url(services), run);
        expect(connection.ask(&delivery)?.status() == 200, "a delivery was refused")
    };
    delivered().map_err(|error: io::Error| error.to_string())?;
    let text = services.last_message();
    let text = ["&quot;\"", "&apos;'", "&lt;<", "&gt;>", "&amp;&"].iter().fold(text, |text, escape| {
        let (escape, character) = escape.split_at(escape.len() - 1);
        text.replace(escape, character)
    });
    let twice = Value::String(text).to_string();
    let metadata = json!({ "DequeueCount": "1", "Id": format!("\"message-{number}\"") });
    let body = json!({ "Data": { "check": twice }, "Metadata": metadata }).to_string();
    Ok(request("POST /ReevaluateFunction", "Content-Type: application/json\r\n", &body))
}
