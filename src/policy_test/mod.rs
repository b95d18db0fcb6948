//! Tests of policies: what a check decides by given facts. Pure: nobody is asked, and the test says what time it is.
//!
//! `file` is what people write, `validate` finds what nothing can meet, [`fn@run`] judges, and `report` says how it went.

mod file;
mod given;
mod report;
mod run;
mod seen;
mod validate;

pub use file::{Expectation, Test, TestFile};
pub use report::{Report, junit, text};
pub use run::{Broken, Ran, RanFile, run};
pub use seen::Seen;
