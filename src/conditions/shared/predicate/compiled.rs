//! An expression, compiled: what the CEL library made of it, and what it mentions.

use cel::Program;

use super::check::Check;
use super::{MAX_LENGTH, text};

/// The stack of the thread that runs the CEL library: the deepest expression of [`MAX_LENGTH`] needs half of it in a
/// debug build. Only what is touched becomes real memory.
const STACK: usize = 64 * 1024 * 1024;

/// A compiled expression.
pub(super) struct Compiled {
    pub(super) program: Program,
    pub(super) check: Check,
}

/// Why an expression cannot be used: a sentence for each mistake.
pub(super) type Mistakes = Vec<String>;

impl Compiled {
    /// Compiles an expression. Takes milliseconds, and many levels of calls: for [`deep`].
    pub(super) fn of(text: &str) -> Result<Self, Mistakes> {
        if text.trim().is_empty() {
            return Err(vec!["is empty; write for instance `result < 0.05`".to_owned()]);
        }
        if text.len() > MAX_LENGTH {
            return Err(vec![format!("has {} characters; the longest expression has {MAX_LENGTH}", text.len())]);
        }
        let program = Program::compile(text).map_err(|errors| text::parse_errors(&errors))?;
        let check = Check::of(program.expression());
        Ok(Self { program, check })
    }
}

/// Works on a thread with a large stack: the CEL library recurses, and after a panic in it only this expression must fail.
/// `None` after a panic, or where the machine has no thread to give.
pub(super) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).name("cel".to_owned());
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })
}
