//! Remembers how callers spell the names of headers, which the server below forgets.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The names of a request's headers as the caller wrote them; an extension of the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spelling(Vec<String>);

impl Spelling {
    /// The name as it was written; a name that nobody wrote stays as it is.
    pub(crate) fn of(&self, name: &str) -> String {
        let written = self.0.iter().find(|written| written.eq_ignore_ascii_case(name));
        written.cloned().unwrap_or_else(|| name.to_owned())
    }
}

/// The head of the request that is being read. All clones are one.
#[derive(Clone, Default)]
pub(crate) struct Head(Arc<Mutex<Vec<u8>>>);

impl Head {
    /// The spelling of the names, once the server has seen the whole head.
    pub(crate) fn spelling(&self) -> Spelling {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.split("\r\n").skip(1).take_while(|line| !line.is_empty());
        Spelling(lines.filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect())
    }

    /// The next byte belongs to another request.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn add(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }
}

/// A connection that keeps what it reads until the head is cleared.
pub(crate) struct Remembering {
    pub(crate) stream: TcpStream,
    pub(crate) head: Head,
}

impl AsyncRead for Remembering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.head.add(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Remembering {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
