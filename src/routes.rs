//! The HTTP side that the Functions host calls.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use warp::http::header::CONTENT_TYPE;
use warp::http::{HeaderMap, Method, Response, StatusCode};
use warp::path::FullPath;
use warp::{Filter, Reply};

use crate::App;
use crate::check_function::{self, Answer};
use crate::reevaluate_function;

/// The largest envelope: a message of 48 KiB, escaped twice, with its metadata.
const MAX_ENVELOPE: u64 = 1024 * 1024;

/// All routes. The host may prefix those of HTTP triggers (`/api` unless `host.json` says otherwise), and forwards the
/// caller's spelling of the path.
pub fn routes(app: Arc<App>) -> impl Filter<Extract = (Response<Bytes>,), Error = Infallible> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::any()
        .map(move || Arc::clone(&app))
        .and(warp::method())
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(|app: Arc<App>, method: Method, path: FullPath, query: String, headers: HeaderMap, body| async move {
            answer(&app, &method, path.as_str(), &query, &headers, body).await
        })
        // Only the query and the headers can be refused by the filters, and neither is.
        .recover(|_| async { Ok::<_, Infallible>(json(StatusCode::NOT_FOUND, &serde_json::json!({}))) })
        .unify()
}

async fn answer<B: Buf>(
    app: &Arc<App>,
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Response<Bytes> {
    let function = path.trim_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    match (method, function.as_str()) {
        // The readiness probe of the host: any answer will do, and soon.
        (&Method::GET | &Method::HEAD, "") => json(StatusCode::OK, &serde_json::json!({ "status": "ready" })),
        (&Method::POST, "checkfunction") => {
            let Answer { status, body } = match collect(body, check_function::MAX_BODY).await {
                Ok(body) => check_function::deliver(app, headers, query, &body).await,
                Err(_) => check_function::too_large(),
            };
            json(status, &body)
        }
        (&Method::POST, "reevaluatefunction") => match collect(body, MAX_ENVELOPE).await {
            Ok(body) => match reevaluate_function::invoke(app, &body).await {
                Ok(result) => json(StatusCode::OK, &result),
                Err(_) => json(StatusCode::INTERNAL_SERVER_ERROR, &serde_json::json!({})),
            },
            Err(status) => json(status, &serde_json::json!({})),
        },
        _ => json(StatusCode::NOT_FOUND, &serde_json::json!({})),
    }
}

/// Reads a body, but no more than `limit` bytes: a length need not be declared.
async fn collect<B: Buf>(body: impl Stream<Item = Result<B, warp::Error>>, limit: u64) -> Result<Bytes, StatusCode> {
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

/// Serves the routes on `listener` until the process ends.
pub async fn serve(app: Arc<App>, listener: tokio::net::TcpListener) {
    warp::serve(routes(app).map(Reply::into_response)).incoming(listener).run().await;
}
