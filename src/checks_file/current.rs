//! The checks in force: those of `checks.yaml`, which somebody may be editing.
//!
//! In Development the file is read again at each delivery, and a change is used from then on. A file with mistakes is
//! never used: the last good one stays in force. Without any good one, deliveries are refused with the list of mistakes,
//! and the file is read again at each of them, in Azure too. So a mended file needs no restart. Checks that wait have
//! their definitions with them, and go on.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::ChecksFile;
use crate::check::DecidedWith;
use crate::events::Event;
use crate::sources::Sources;
use crate::text;

/// The content of a file without mistakes, and the connections that its checks use.
#[derive(Debug)]
pub struct Checks {
    /// What the file says.
    pub file: ChecksFile,
    /// Its connections, ready to be called.
    pub sources: Sources,
}

/// Makes the connections of a file ready.
pub type Connect = Box<dyn Fn(&ChecksFile) -> Result<Sources, String> + Send + Sync>;

/// The checks that deliveries may name.
pub struct CurrentChecks {
    state: Mutex<State>,
    watched: Option<Watched>,
}

/// Where the checks are read from, and how often.
struct Watched {
    path: PathBuf,
    rules: Rules,
    connect: Connect,
}

/// How the file is read.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Whether a change of a good file counts.
    pub follows_edits: bool,
    /// How decisions can be delivered.
    pub decided_with: DecidedWith,
}

struct State {
    /// What was read last, as it was, so that only a change is parsed.
    seen: Option<Result<String, String>>,
    in_force: Arc<Checks>,
    /// Why nothing is in force yet; empty once there was a good file.
    problems: Vec<String>,
}

impl CurrentChecks {
    /// Checks that never change.
    #[must_use]
    pub fn fixed(file: ChecksFile, sources: Sources) -> Self {
        let in_force = Arc::new(Checks { file, sources });
        Self { state: Mutex::new(State { seen: None, in_force, problems: Vec::new() }), watched: None }
    }

    /// Reads the file, and logs what is wrong with it.
    #[must_use]
    pub fn open(path: PathBuf, rules: Rules, connect: Connect) -> Self {
        let nothing = Checks { file: ChecksFile::empty(), sources: Sources::of_broken_file() };
        let mut state = State { seen: None, in_force: Arc::new(nothing), problems: vec![String::new()] };
        let watched = Watched { path, rules, connect };
        watched.look(&mut state);
        Self { state: Mutex::new(state), watched: Some(watched) }
    }

    /// What a delivery is read against.
    ///
    /// # Errors
    ///
    /// Why no delivery can be accepted: a sentence for each mistake, for the answer.
    pub fn for_delivery(&self) -> Result<Arc<Checks>, Vec<String>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = &self.watched
            && (watched.rules.follows_edits || !state.problems.is_empty())
        {
            watched.look(&mut state);
        }
        if state.problems.is_empty() { Ok(Arc::clone(&state.in_force)) } else { Err(state.problems.clone()) }
    }

    /// What an evaluation calls. Before the first good file there is nothing to call.
    #[must_use]
    pub fn in_force(&self) -> Arc<Checks> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner).in_force)
    }
}

impl fmt::Debug for CurrentChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CurrentChecks").field(&self.in_force()).finish()
    }
}

impl Watched {
    /// Takes the file as it is now, if it has changed.
    fn look(&self, state: &mut State) {
        let read = fs::read_to_string(&self.path).map_err(|error| error.to_string());
        if state.seen.as_ref() == Some(&read) {
            return;
        }
        let is_first_good = !state.problems.is_empty();
        match self.take(&read) {
            Ok(checks) => {
                let (name, count) = (self.name(), text::count(checks.file.checks.len(), "check"));
                tracing::info!("{name} has {count} and no mistakes; it is used from now on");
                for warning in read.iter().flat_map(|text| checks.file.warnings(text)) {
                    Event::ChecksFileDoubtful.say(&format!("{name}: {warning}"));
                }
                for problem in checks.sources.problems() {
                    Event::ConnectionUnusable.report(problem);
                }
                for problem in checks.sources.webhooks().problems() {
                    Event::NoticeNotSent.report(problem);
                }
                state.in_force = Arc::new(checks);
                state.problems.clear();
            }
            Err(problems) if is_first_good => {
                problems.iter().for_each(|problem| Event::ChecksFileUnusable.say(problem));
                state.problems = problems;
            }
            Err(problems) => {
                problems.iter().for_each(|problem| Event::ChecksFileEditRefused.say(problem));
                let name = self.name();
                Event::ChecksFileEditRefused.say(&format!("the last good {name} stays in force until this is mended"));
            }
        }
        state.seen = Some(read);
    }

    fn take(&self, read: &Result<String, String>) -> Result<Checks, Vec<String>> {
        let name = self.name();
        let text = read.as_ref().map_err(|error| {
            let file = self.path.display();
            tracing::debug!(%file, "this is the file that cannot be read");
            vec![format!("{name} cannot be read ({error}); app setting ChecksFile names it, for instance checks.yaml")]
        })?;
        let file = ChecksFile::parse_for(text, self.rules.decided_with).map_err(|problems| {
            let count = text::count(problems.len(), "mistake");
            let first = format!("{name} has {count}, so it is not used; `checkgate validate` shows the same:");
            let mistakes = problems.iter().map(|problem| format!("{name}: {problem}"));
            std::iter::once(first).chain(mistakes).collect::<Vec<_>>()
        })?;
        let sources = (self.connect)(&file).map_err(|why| vec![why])?;
        Ok(Checks { file, sources })
    }

    /// The file's name without its folders, which callers need not know.
    fn name(&self) -> String {
        self.path
            .file_name()
            .map_or_else(|| self.path.display().to_string(), |name| name.to_string_lossy().into_owned())
    }
}
