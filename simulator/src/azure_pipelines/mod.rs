//! Azure Pipelines, as far as a check sees it: it delivers checks, and concludes what becomes of their stage.
//!
//! # Layout
//!
//! * `headers`, [`Call`]: a delivery, as the server tasks of the two kinds of checks send it.
//! * [`CheckSettings`]: what an administrator chooses. `expression`, `criteria`: *Success criteria*.
//! * [`CheckHistory`]: what has happened to a check. [`conclude`]: what that means for its stage.
//! * [`Stage`]: plays a stage with its checks.

mod criteria;
mod delivery;
mod expression;
mod headers;
mod history;
mod oracle;
mod settings;
mod stage;

pub use criteria::is_met;
pub use delivery::{Call, Delivered, FunctionAddress, ServiceConnection, Target, deliver, deliver_rest, deliver_with};
pub use headers::{HEADERS, MINIMAL_HEADERS, expand};
pub use history::{CheckHistory, Evaluation, MAX_EVALUATIONS};
pub use oracle::{Conclusion, Outcome, Standing, conclude, standing};
pub use settings::{CheckSettings, CompletionEvent, ErrorStatus};
pub use stage::{CheckConfiguration, Headers, Stage};
