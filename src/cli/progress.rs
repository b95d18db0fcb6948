//! One line on a terminal that says how far a command is.

use std::io::{self, IsTerminal as _, Write as _};

/// A line that is written again and again. Nothing is written where nobody watches.
pub(super) struct Progress {
    is_watched: bool,
}

impl Progress {
    /// A line on the standard error, if that is a terminal.
    pub(super) fn new() -> Self {
        Self { is_watched: io::stderr().is_terminal() }
    }

    /// Says what is done now.
    pub(super) fn say(&self, text: &str) {
        if self.is_watched {
            let text = crate::text::cut(&crate::text::one_line(text), 78);
            // A terminal that is gone ends the command by itself.
            let _ = write!(io::stderr(), "\r\u{1b}[2K{text}").and_then(|()| io::stderr().flush());
        }
    }

    /// Says how many of all are done, with a bar.
    pub(super) fn bar(&self, done: usize, all: usize, what: &str) {
        const WIDTH: usize = 30;
        let filled = (done * WIDTH).checked_div(all).unwrap_or(WIDTH);
        self.say(&format!("[{}{}] {done} of {all} {what}", "#".repeat(filled), " ".repeat(WIDTH - filled)));
    }
}

/// Takes the line away.
impl Drop for Progress {
    fn drop(&mut self) {
        self.say("");
    }
}
