//! The HTTP side that the Functions host calls.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::Instrument as _;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::CONTENT_TYPE;
use warp::http::{HeaderMap, Method, Response, StatusCode};
use warp::path::FullPath;

use crate::App;
use crate::check_function::{self, Answer};
use crate::clock::Clock;
use crate::events::Event;
use crate::reevaluate_function;
use crate::reevaluate_function::envelope::{self, InvocationResult};
use crate::task::trace::TraceContext;
use crate::telemetry;

/// The largest envelope: a message of 48 KiB, escaped twice, with its metadata.
const MAX_ENVELOPE: u64 = 1024 * 1024;

/// How many deliveries are worked on at a time. Each takes milliseconds, or the 3 s
/// of the synchronous mode.
const MAX_CONCURRENT_DELIVERIES: usize = 256;

/// How long a delivery waits for its turn, and how long any body may take to arrive. Then the check is queued, which may
/// take the rest of the 15 s that a delivery may take in all.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an evaluation waits for its turn. Longer, because each refusal counts towards the poison queue; with the
/// evaluation itself it fits into the host's `functionTimeout`.
const EVALUATION_TURN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to wait after a connection could not be accepted, as when all file descriptors are in use: some get free.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Bounds what the process does at a time, and thereby its memory and its connections.
struct Limits {
    evaluations: Semaphore,
    deliveries: Semaphore,
}

/// All routes. The host may prefix those of HTTP triggers (`/api` unless `host.json` says otherwise), and forwards the
/// caller's spelling of the path.
pub fn routes(app: Arc<App>) -> impl Filter<Extract = (Response<Bytes>,), Error = Infallible> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let limits = Limits {
        // More come only if somebody else calls. Each has at most one connection open, so that this bounds them too.
        evaluations: Semaphore::new(app.host.max_evaluations),
        deliveries: Semaphore::new(MAX_CONCURRENT_DELIVERIES),
    };
    let shared = (app, Arc::new(limits));
    warp::any()
        .map(move || shared.clone())
        .and(warp::method())
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(
            |(app, limits): Shared, method: Method, path: FullPath, query: String, headers: HeaderMap, body| async move {
                let function =
                    path.as_str().trim_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
                let host = &app.host;
                match (method, function) {
                    // The readiness probe of the host: any answer will do, and soon.
                    (Method::GET | Method::HEAD, path) if path.is_empty() => ready(),
                    (Method::POST, path) if path == host.delivery_path || path == host.delivery_function => {
                        let span = telemetry::delivery(&host.delivery_path, caller(&headers));
                        let answer = deliver(app, &limits.deliveries, (headers, query), body).instrument(span.clone());
                        let answer = answer.await;
                        telemetry::answered(&span, answer.status().as_u16());
                        answer
                    },
                    (Method::POST, path) if path == host.evaluation_path => {
                        let span = telemetry::evaluation(&host.queue_name, caller(&headers));
                        let answer = evaluate(&app, &limits.evaluations, body).instrument(span.clone()).await;
                        if answer.status() != StatusCode::OK {
                            span.in_scope(|| telemetry::ended("failed"));
                        }
                        answer
                    }
                    _ => json(StatusCode::NOT_FOUND, &serde_json::json!({})),
                }
            },
        )
        // Only the query and the headers can be refused by the filters, and neither is.
        .recover(|_| async { Ok::<_, Infallible>(json(StatusCode::NOT_FOUND, &serde_json::json!({}))) })
        .unify()
}

/// The trace that the host goes on with.
fn caller(headers: &HeaderMap) -> Option<TraceContext> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}

fn ready() -> Response<Bytes> {
    json(StatusCode::OK, &serde_json::json!({ "status": "ready" }))
}

/// Refuses every call with what is wrong, where nothing can be served.
pub async fn refuse(problem: String, listener: TcpListener) {
    let refusal = warp::any().and(warp::method()).map(move |method: Method| match method {
        Method::GET | Method::HEAD => ready(),
        _ => check_function::misconfigured(vec![problem.clone()]).into_response(),
    });
    listen(refusal.boxed(), listener).await;
}

type Shared = (Arc<App>, Arc<Limits>);

async fn deliver<B: Buf>(
    app: Arc<App>,
    permits: &Semaphore,
    (headers, query): (HeaderMap, String),
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Response<Bytes> {
    let Ok(Ok(_permit)) = timeout(DELIVERY_TIMEOUT, permits.acquire()).await else {
        Event::TooManyDeliveries.report(&format!("none ended within {} s", DELIVERY_TIMEOUT.as_secs()));
        return check_function::unavailable("the function app has too many deliveries at a time").into_response();
    };
    let body = match collect(body, check_function::MAX_BODY).await {
        Ok(body) => body,
        Err(StatusCode::PAYLOAD_TOO_LARGE) => return check_function::too_large().into_response(),
        Err(status) => return json(status, &serde_json::json!({})),
    };
    if envelope::wraps_a_request(&body) {
        let Answer { status, body } = check_function::not_forwarded();
        return json(StatusCode::OK, &InvocationResult::answering(&app.host.http_output, status.as_u16(), &body));
    }
    // A task of its own: a panic in one delivery is an answer, not a broken connection.
    let delivered = async move { check_function::deliver(&app, &headers, &query, &body).await };
    let delivered = tokio::spawn(delivered.in_current_span()).await;
    delivered.unwrap_or_else(|_| check_function::unavailable("the function app made a mistake")).into_response()
}

async fn evaluate<B: Buf>(
    app: &Arc<App>,
    permits: &Semaphore,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Response<Bytes> {
    let nothing = serde_json::json!({});
    // Any error makes the host hand the message out again, a little later.
    let Ok(Ok(_permit)) = timeout(EVALUATION_TURN_TIMEOUT, permits.acquire()).await else {
        Event::TooManyEvaluations.report(&format!("none ended within {} s", EVALUATION_TURN_TIMEOUT.as_secs()));
        return json(StatusCode::SERVICE_UNAVAILABLE, &nothing);
    };
    match collect(body, MAX_ENVELOPE).await {
        Ok(body) => match reevaluate_function::invoke(app, &body).await {
            Ok(result) => json(StatusCode::OK, &result),
            Err(_) => json(StatusCode::INTERNAL_SERVER_ERROR, &nothing),
        },
        Err(status) => json(status, &nothing),
    }
}

/// Reads a body, but no more than `limit` bytes: a length need not be declared.
async fn collect<B: Buf>(body: impl Stream<Item = Result<B, warp::Error>>, limit: u64) -> Result<Bytes, StatusCode> {
    timeout(DELIVERY_TIMEOUT, collect_all(body, limit)).await.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}

async fn collect_all<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    limit: u64,
) -> Result<Bytes, StatusCode> {
    let mut body = std::pin::pin!(body);
    let mut collected = Vec::new();
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        let length = u64::try_from(collected.len() + chunk.remaining()).unwrap_or(u64::MAX);
        if length > limit {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        collected.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    Ok(collected.into())
}

fn json(status: StatusCode, body: &impl serde::Serialize) -> Response<Bytes> {
    let body = serde_json::to_vec(body).unwrap_or_else(|_| b"{}".to_vec());
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, warp::http::HeaderValue::from_static("application/json"));
    response
}

impl Answer {
    fn into_response(self) -> Response<Bytes> {
        json(self.status, &self.body)
    }
}

/// Serves the routes on `listener` until the process ends.
pub async fn serve(app: Arc<App>, listener: TcpListener) {
    listen(routes(app).boxed(), listener).await;
}

/// HTTP/1 alone: the host speaks nothing else. warp's own server brings HTTP/2, which is a tenth of the executable's code.
async fn listen(routes: BoxedFilter<(Response<Bytes>,)>, listener: TcpListener) {
    let service = TowerToHyperService::new(warp::service(routes));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small: none should wait for the acknowledgement of the one before.
                let _ = stream.set_nodelay(true);
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
                // It fails when the host hangs up. The invocation that it carried says so itself.
                tokio::spawn(async move { drop(connection.await) });
            }
            Err(error) => {
                Event::HostNotConnected.report(&error.to_string());
                // No event says that a file descriptor is free.
                Clock::system().sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}
