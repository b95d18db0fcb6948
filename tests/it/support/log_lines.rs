//! What the handler writes into its own log, for handlers of this process and this thread.
//!
//! One subscriber for all tests, with a buffer per thread: with a subscriber of its own for each test, `tracing` may
//! remember of a place in the code that nobody listens, because another test came by first.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use checkgate::config::LogFormat;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

thread_local! {
    static CAPTURED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// The lines of this thread since the capture began, in the form that the executable writes them.
pub(crate) struct LogLines(());

struct ThisThread;

impl io::Write for ThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAPTURED.with_borrow_mut(|captured| captured.iter_mut().for_each(|captured| captured.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogLines {
    /// Captures everything that checkgate logs on this thread, at every level.
    pub(crate) fn capture() -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| checkgate::cli::log(LogFormat::Json, LevelFilter::TRACE, || ThisThread).init());
        CAPTURED.set(Some(Vec::new()));
        Self(())
    }

    /// The lines since they were last taken.
    pub(crate) fn take(&self) -> Vec<String> {
        let bytes = CAPTURED.replace(Some(Vec::new())).unwrap_or_default();
        let text = String::from_utf8(bytes).expect("UTF-8");
        text.split_terminator('\n').map(str::to_owned).collect()
    }
}

impl Drop for LogLines {
    fn drop(&mut self) {
        CAPTURED.set(None);
    }
}
