//! The local page: its files, its stream of events and its actions. Only this machine's browsers may use it.
//!
//! * `snapshot`, `check_view`, `log_reader`, `notice_view`: what the page shows.
//! * `stream`: how it gets to the browser. `actions`: what comes back.
//! * `guard`: who may ask.

mod actions;
mod check_view;
mod guard;
mod log_reader;
mod notice_view;
mod snapshot;
mod stream;

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode};
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Reply};

use self::actions::Action;
use self::guard::Guard;
use self::stream::{Published, events, publish};
use crate::demo::Demo;

/// The largest action.
const MAX_ACTION: u64 = 64 * 1024;

/// Path, content type and content of each file.
const ASSETS: [(&str, &str, &str); 6] = [
    ("/", "text/html; charset=utf-8", include_str!("assets/index.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("assets/page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("assets/page.js")),
    ("/chart.js", "text/javascript; charset=utf-8", include_str!("assets/chart.js")),
    ("/lit-html.js", "text/javascript; charset=utf-8", include_str!("assets/lit-html.js")),
    ("/icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

/// What every request may use.
#[derive(Clone)]
struct Server {
    demo: Arc<Demo>,
    guard: Guard,
    published: watch::Sender<Published>,
}

/// Serves the page until `stop` is ready, then says good-bye to every browser.
pub(crate) async fn serve(demo: Arc<Demo>, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    let published = watch::Sender::new(Published::Nothing);
    let publishing = tokio::spawn(publish(Arc::clone(&demo), published.clone()));
    let server = Server { demo, guard: Guard::new(port), published: published.clone() };
    // By hyper itself, as the handler's routes are: warp's own server brings HTTP/2, which takes seconds to compile.
    let service = TowerToHyperService::new(warp::service(routes(server)));
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
                tokio::spawn(connections.watch(connection));
            },
            () = &mut stop => break,
        }
    }
    publishing.abort();
    published.send_replace(Published::End);
    connections.shutdown().await;
}

fn routes(server: Server) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone {
    let read = warp::any()
        .map({
            let server = server.clone();
            move || server.clone()
        })
        .and(warp::get())
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .map(|server: Server, path: FullPath, headers: HeaderMap| server.read(path.as_str(), &headers));
    let act = warp::any()
        .map(move || server.clone())
        .and(warp::post())
        .and(warp::path!("actions"))
        .and(warp::header::headers_cloned())
        .and(warp::body::content_length_limit(MAX_ACTION))
        .and(warp::body::bytes())
        .then(|server: Server, headers: HeaderMap, body: Bytes| async move { server.act(&headers, &body).await });
    let refused = |_| async { Ok::<_, Infallible>(plain(StatusCode::NOT_FOUND, "There is no such page.")) };
    read.or(act).unify().recover(refused).unify().map(secured)
}

impl Server {
    fn read(&self, path: &str, headers: &HeaderMap) -> Response {
        if let Err(why) = self.guard.admit(&Method::GET, headers) {
            return plain(StatusCode::FORBIDDEN, &why);
        }
        if path == "/events" {
            let events = warp::sse::keep_alive().stream(events(self.published.subscribe()));
            return warp::sse::reply(events).into_response();
        }
        let asset = ASSETS.into_iter().find(|(known, ..)| *known == path);
        asset.map_or_else(
            || plain(StatusCode::NOT_FOUND, "There is no such page."),
            |(_, content_type, content)| warp::reply::with_header(content, CONTENT_TYPE, content_type).into_response(),
        )
    }

    async fn act(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        if let Err(why) = self.guard.admit(&Method::POST, headers) {
            return message(StatusCode::FORBIDDEN, &why);
        }
        match Action::read(body) {
            Err(why) => message(StatusCode::UNPROCESSABLE_ENTITY, &why),
            Ok(action) => match action.run(&self.demo).await {
                Ok(()) => StatusCode::NO_CONTENT.into_response(),
                Err(why) => message(StatusCode::CONFLICT, &why),
            },
        }
    }
}

fn plain(status: StatusCode, text: &str) -> Response {
    warp::reply::with_status(text.to_owned(), status).into_response()
}

fn message(status: StatusCode, text: &str) -> Response {
    let body = warp::reply::json(&serde_json::json!({ "message": text }));
    warp::reply::with_status(body, status).into_response()
}

/// Nothing but the page's own files may run or be loaded, nobody may frame it, and nothing is kept.
fn secured(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                          base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert("content-security-policy", HeaderValue::from_static(POLICY));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
