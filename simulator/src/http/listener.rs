//! Listens on a port of the loopback interface. It can close the port and open the same one again.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Sleep;

use super::spelling::{Head, Remembering};

/// The body of an answer: sent at once, or one byte at a time.
pub(crate) type Body = Either<Full<Bytes>, Trickle>;

/// An answer, or the way in which the connection breaks.
pub(crate) type Answer = Result<Response<Body>, Broken>;

type Handler = Arc<dyn Fn(Request<Bytes>) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// Why a connection ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Closed normally.
    Closed,
    /// Reset by the peer.
    Reset,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated world broke the connection")
    }
}

impl std::error::Error for Broken {}

/// A listening socket with its open connections. All clones share it. It closes when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Listener {
    port: u16,
    handler: Handler,
    listening: Arc<Mutex<Option<Listening>>>,
}

struct Listening {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Listener {
    /// Binds a free port. Its number is known before anything answers there.
    pub(crate) async fn bind() -> io::Result<(u16, TcpListener)> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok((socket.local_addr()?.port(), socket))
    }

    /// Binds a port that was bound before.
    pub(crate) async fn bind_again(port: u16) -> io::Result<(u16, TcpListener)> {
        Ok((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?))
    }

    /// Serves `handler` on a bound socket.
    pub(crate) fn serve<F>(
        port: u16,
        socket: TcpListener,
        handler: impl Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |request| Box::pin(handler(request)));
        let listening = Arc::new(Mutex::new(Some(Listening::start(socket, Arc::clone(&handler)))));
        Self { port, handler, listening }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether new connections are accepted; not while that changes.
    pub(crate) fn is_listening(&self) -> bool {
        self.listening.try_lock().is_ok_and(|listening| listening.is_some())
    }

    /// Closes the port and every connection, or listens on the same port again.
    pub(crate) async fn refuse_connections(&self, refuse: bool) -> io::Result<()> {
        let mut listening = self.listening.lock().await;
        if refuse {
            if let Some(Listening { stop, ended }) = listening.take() {
                let _ = stop.send(());
                let _ = ended.await;
            }
        } else if listening.is_none() {
            let (_, socket) = Self::bind_again(self.port).await?;
            *listening = Some(Listening::start(socket, Arc::clone(&self.handler)));
        }
        Ok(())
    }
}

impl Listening {
    fn start(socket: TcpListener, handler: Handler) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, ended: tokio::spawn(accept(socket, handler, stopped)) }
    }
}

/// Accepts connections until `stopped` receives a message, or its sender is dropped.
async fn accept(socket: TcpListener, handler: Handler, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(converse(stream, Arc::clone(&handler)));
            },
            Some(_) = connections.join_next() => {}
            _ = &mut stopped => break,
        }
    }
    drop(socket);
    connections.shutdown().await;
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, handler: Handler) {
    let _ = stream.set_nodelay(true);
    let head = Head::default();
    let stream = Remembering { stream, head: head.clone() };
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (handler, head) = (Arc::clone(&handler), head.clone());
        async move {
            request.extensions_mut().insert(head.spelling());
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| Broken::Closed)?.to_bytes();
            head.clear();
            handler(Request::from_parts(parts, body)).await
        }
    });
    let mut connection =
        http1::Builder::new().header_read_timeout(None).serve_connection(TokioIo::new(stream), service);
    let mut pinned = pin!(&mut connection);
    let broken = pinned.as_mut().await.err().and_then(|error| how_it_broke(&error));
    if broken == Some(Broken::Reset) {
        let _ = connection.into_parts().io.into_inner().stream.set_zero_linger();
    }
}

fn how_it_broke(error: &hyper::Error) -> Option<Broken> {
    std::error::Error::source(error)?.downcast_ref().copied()
}

/// A body that arrives one byte per pause.
pub(crate) struct Trickle {
    rest: Bytes,
    pause: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Trickle {
    pub(crate) fn new(body: Bytes, pause: Duration) -> Self {
        Self { rest: body, pause, sleep: Box::pin(tokio::time::sleep(pause)) }
    }
}

impl http_body::Body for Trickle {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.sleep.as_mut().poll(context));
        let pause = self.pause;
        self.sleep = Box::pin(tokio::time::sleep(pause));
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(1)))))
    }
}
