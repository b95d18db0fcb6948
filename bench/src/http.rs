//! As much of HTTP/1.1 as the sides of a measurement need: whole messages, one after another, over a connection that stays
//! open.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use memchr::memmem;

/// How much is read at a time.
const CHUNK: usize = 64 * 1024;

/// One side of a connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// What was read and not taken yet.
    buffer: Vec<u8>,
    /// The length of the message that was taken last, which is still in the buffer.
    taken: usize,
    chunk: Box<[u8]>,
}

/// A request or a response.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The first line, and the headers.
    pub head: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl Connection {
    /// Opens a connection to this machine.
    ///
    /// # Errors
    ///
    /// Nobody listens there.
    pub fn open(port: u16) -> io::Result<Self> {
        Self::new(TcpStream::connect(("127.0.0.1", port))?)
    }

    /// Speaks HTTP over this stream.
    ///
    /// # Errors
    ///
    /// The stream is closed.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new(), taken: 0, chunk: vec![0; CHUNK].into() })
    }

    /// Waits for the next message. `None` when the other side has closed the connection.
    ///
    /// # Errors
    ///
    /// The connection broke, or the message is not one of those that are understood.
    pub fn read(&mut self) -> io::Result<Option<Message<'_>>> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let head = loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if !self.fill()? {
                return Ok(None);
            }
        };
        let end = head + length(text(&self.buffer[..head])?)?;
        while self.buffer.len() < end {
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.taken = end;
        Ok(Some(Message { head: text(&self.buffer[..head])?, body: &self.buffer[head..end] }))
    }

    fn fill(&mut self) -> io::Result<bool> {
        let read = self.stream.read(&mut self.chunk)?;
        self.buffer.extend_from_slice(&self.chunk[..read]);
        Ok(read > 0)
    }

    /// Sends a message, which is written as a whole.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub fn write(&mut self, message: &[u8]) -> io::Result<()> {
        self.stream.write_all(message)
    }

    /// Sends a request, and waits for its answer.
    ///
    /// # Errors
    ///
    /// The connection broke, or the other side closed it.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Message<'_>> {
        self.write(request)?;
        self.read()?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Message<'_> {
    /// The method and the target of a request.
    #[must_use]
    pub fn request(&self) -> (&str, &str) {
        let mut parts = self.head.split(' ');
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    }

    /// The status of a response.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }
}

/// A response with a JSON body.
#[must_use]
pub fn response(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A request to this machine. `headers` are whole lines.
#[must_use]
pub fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn length(head: &str) -> io::Result<usize> {
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "a body without a length");
    match header(head, "content-length") {
        Some(length) => length.parse().map_err(|_| odd()),
        None if header(head, "transfer-encoding").is_some() => Err(odd()),
        None => Ok(0),
    }
}

fn text(bytes: &[u8]) -> io::Result<&str> {
    str::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "headers that are not UTF-8"))
}
