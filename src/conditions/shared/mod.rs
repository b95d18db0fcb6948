//! What several kinds of condition share.

pub(super) mod glob;
pub(super) mod own_branch;
pub(super) mod percent;
pub(super) mod predicate;
pub(super) mod published;
pub(super) mod variables;
