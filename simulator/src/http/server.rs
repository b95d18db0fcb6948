//! Puts a simulated world behind a port: records calls, applies faults, and lets the world answer.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{Either, Full};

use super::listener::{Answer, Body, Broken, Listener, Trickle};
use crate::calls::{Call, CallLog};
use crate::clock::Clock;
use crate::faults::{Failing, Fault, Faults, Misbehaviour};
use crate::latency::Latencies;

/// State that answers requests.
pub trait World: Send + 'static {
    /// Answers a request, and does what it asks.
    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes>;
}

/// The name of the route that answered. A world leaves it in the answer's extensions, for the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route(pub(crate) &'static str);

/// A handle to a simulated world behind a port: what all of them have in common. All clones share the world.
pub struct Server<W> {
    shared: Arc<Shared<W>>,
    listener: Listener,
}

/// What the handle and the listener share.
struct Shared<W> {
    inside: Mutex<Inside<W>>,
    faults: Faults,
    latencies: Latencies,
    clock: Clock,
}

struct Inside<W> {
    world: W,
    calls: CallLog,
}

impl<W> Clone for Server<W> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), listener: self.listener.clone() }
    }
}

impl<W: World> Server<W> {
    /// Starts on a free port. `world` receives the port, so that the world can name its own addresses.
    pub(crate) async fn start(clock: Clock, world: impl FnOnce(u16) -> W) -> io::Result<Self> {
        let (port, socket) = Listener::bind().await?;
        let inside = Mutex::new(Inside { world: world(port), calls: CallLog::default() });
        let (faults, latencies) = (Faults::default(), Latencies::default());
        let shared = Arc::new(Shared { inside, faults, latencies, clock });
        let listener = Listener::serve(port, socket, {
            let shared = Arc::clone(&shared);
            move |request| {
                let shared = Arc::clone(&shared);
                async move { serve(&shared, &request).await }
            }
        });
        Ok(Self { shared, listener })
    }

    /// The port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.listener.port()
    }

    /// Reads or changes the world.
    pub fn with<R>(&self, look: impl FnOnce(&mut W) -> R) -> R {
        look(&mut lock(&self.shared.inside).world)
    }

    /// The last calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.inside).calls.calls()
    }

    /// Returns the last calls, oldest first, and clears the record.
    pub fn take_calls(&self) -> Vec<Call> {
        lock(&self.shared.inside).calls.take()
    }

    /// Turns the full record of calls on or off. Long runs turn it off.
    pub fn record_calls(&self, recording: bool) {
        lock(&self.shared.inside).calls.record_calls(recording);
    }

    /// How often each route was called since the start, including calls that were not recorded.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.shared.inside).calls.counts()
    }

    /// Adds a fault. [`Failing`] says where and how often it happens.
    pub fn fail(&self, fault: Fault) -> Failing {
        self.shared.faults.fail(fault)
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.shared.faults.heal();
    }

    /// Calls with this method whose path and query contain `path_part` take this long: the clock moves before the call
    /// has its effect. An empty method means any. Zero takes no time. The newest rule that fits applies. A client's own
    /// time limits run on real time: for them, see [`Fault::hang`].
    pub fn latency(&self, method: &str, path_part: &str, latency: Duration) {
        self.shared.latencies.set(method, path_part, latency);
    }

    /// Whether anybody who connects now is answered.
    pub fn is_listening(&self) -> bool {
        self.listener.is_listening()
    }

    /// Closes the port and all connections, or listens on the same port again. The state stays.
    ///
    /// # Errors
    ///
    /// If another program has taken the port in the meantime.
    pub async fn refuse_connections(&self, refuse: bool) -> io::Result<()> {
        self.listener.refuse_connections(refuse).await
    }

    /// Closes the port and all connections for good.
    pub async fn stop(&self) {
        // Closing cannot fail. Only listening again can.
        let _ = self.refuse_connections(true).await;
    }
}

async fn serve<W: World>(shared: &Shared<W>, request: &Request<Bytes>) -> Answer {
    let Shared { faults, latencies, clock, .. } = shared;
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    clock.advance(latencies.of(request.method().as_str(), target));
    let fault = faults.next(request.method().as_str(), target, clock.now()).map(|Fault(misbehaviour)| misbehaviour);
    let ending = {
        let mut inside = lock(&shared.inside);
        let response = match &fault {
            Some(Misbehaviour::AnswerInstead(response)) => Some(response.clone()),
            Some(Misbehaviour::Hang | Misbehaviour::DropConnection | Misbehaviour::Reset) => None,
            Some(
                Misbehaviour::SlowDown(_)
                | Misbehaviour::SlowBody(_)
                | Misbehaviour::DropAfter
                | Misbehaviour::HangAfter,
            )
            | None => Some(inside.world.answer(request)),
        };
        let sent =
            response.as_ref().filter(|_| !matches!(fault, Some(Misbehaviour::DropAfter | Misbehaviour::HangAfter)));
        let route =
            response.as_ref().and_then(|response| response.extensions().get()).map_or("fault", |Route(name)| name);
        inside.calls.add(route, || describe(clock, request, sent));
        response
    };
    match (fault, ending) {
        (Some(Misbehaviour::Hang | Misbehaviour::HangAfter), _) => std::future::pending().await,
        (Some(Misbehaviour::Reset), _) => Err(Broken::Reset),
        (Some(Misbehaviour::DropAfter), _) | (_, None) => Err(Broken::Closed),
        (Some(Misbehaviour::SlowBody(pause)), Some(response)) => {
            Ok(response.map(|body| Either::Right(Trickle::new(body, pause))))
        }
        (Some(Misbehaviour::SlowDown(retry_after)), Some(mut response)) => {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after.header());
            Ok(whole(response))
        }
        (_, Some(response)) => Ok(whole(response)),
    }
}

fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(|body| Either::Left(Full::new(body)))
}

fn describe(clock: &Clock, request: &Request<Bytes>, sent: Option<&Response<Bytes>>) -> Call {
    let authorization = request.headers().get(header::AUTHORIZATION);
    Call {
        at: clock.now(),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: request.headers().clone(),
        status: sent.map_or(0, |response| response.status().as_u16()),
        body: String::from_utf8_lossy(request.body()).into_owned(),
        response: sent.map_or_else(String::new, |response| String::from_utf8_lossy(response.body()).into_owned()),
        authorization: authorization.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
    }
}

/// A panic in a world is already on the test's output. Its state can still be read.
fn lock<W>(inside: &Mutex<Inside<W>>) -> MutexGuard<'_, Inside<W>> {
    inside.lock().unwrap_or_else(PoisonError::into_inner)
}
