//! What the handler writes into its own log, for handlers of this process and this thread.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// The lines since the capture began, in the form that the executable writes them.
pub(crate) struct LogLines {
    written: Buffer,
    _capturing: DefaultGuard,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Buffer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl LogLines {
    /// Captures everything that checkgate logs on this thread, at every level.
    pub(crate) fn capture() -> Self {
        let written = Buffer::default();
        let subscriber = checkgate::cli::log(tracing_subscriber::filter::LevelFilter::TRACE, written.clone());
        Self { written, _capturing: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines since they were last taken.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut bytes = self.written.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8(std::mem::take(&mut *bytes)).expect("UTF-8");
        text.split_terminator('\n').map(str::to_owned).collect()
    }
}
