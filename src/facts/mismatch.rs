//! What may be wrong with facts that were written down.

/// What is wrong with a fact that an evaluation is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Which fact of the list.
    pub index: usize,
    /// The path inside it, such as `value[0].state`.
    pub path: String,
    /// What was found, and what to write.
    pub message: String,
    /// What kind of mistake it is.
    pub kind: MismatchKind,
}

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MismatchKind {
    /// It cannot be read.
    Unreadable,
    /// No condition asks for a fact of this name: the evaluation goes on without it.
    NameNotAsked,
    /// Conditions ask for facts of this name, and not for this one: what was asked is probably not answered.
    OfNotAsked,
}

/// A mistake in one fact.
pub(super) struct Mistake {
    path: String,
    message: String,
}

impl Mistake {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    pub(super) fn of(self, index: usize) -> Mismatch {
        Mismatch { index, path: self.path, message: self.message, kind: MismatchKind::Unreadable }
    }
}
