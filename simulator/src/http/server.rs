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
pub(crate) trait World: Send + 'static {
    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes>;
}

/// The name of the route that answered. A world leaves it in the answer's extensions, for the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route(pub(crate) &'static str);

/// A handle to a world behind a port. All clones share the world.
pub(crate) struct Server<W> {
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

    pub(crate) fn port(&self) -> u16 {
        self.listener.port()
    }

    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut W) -> R) -> R {
        look(&mut lock(&self.shared.inside).world)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        lock(&self.shared.inside).calls.calls()
    }

    pub(crate) fn take_calls(&self) -> Vec<Call> {
        lock(&self.shared.inside).calls.take()
    }

    pub(crate) fn record_calls(&self, recording: bool) {
        lock(&self.shared.inside).calls.record_calls(recording);
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.shared.inside).calls.counts()
    }

    pub(crate) fn fail(&self, fault: Fault) -> Failing {
        self.shared.faults.fail(fault)
    }

    pub(crate) fn heal(&self) {
        self.shared.faults.heal();
    }

    pub(crate) fn latency(&self, method: &str, path_part: &str, latency: Duration) {
        self.shared.latencies.set(method, path_part, latency);
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.listener.is_listening()
    }

    pub(crate) async fn refuse_connections(&self, refuse: bool) -> io::Result<()> {
        self.listener.refuse_connections(refuse).await
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
            Some(Misbehaviour::SlowDown(_) | Misbehaviour::SlowBody(_) | Misbehaviour::DropAfter) | None => {
                Some(inside.world.answer(request))
            }
        };
        let sent = response.as_ref().filter(|_| !matches!(fault, Some(Misbehaviour::DropAfter)));
        let route =
            response.as_ref().and_then(|response| response.extensions().get()).map_or("fault", |Route(name)| name);
        inside.calls.add(route, || describe(clock, request, sent));
        response
    };
    match (fault, ending) {
        (Some(Misbehaviour::Hang), _) => std::future::pending().await,
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
