//! The span of the handler's own log: every line about a check carries the same ids.

use tracing::Span;

use crate::check::Check;
use crate::task::trace::TraceContext;

/// The span of one delivery or evaluation of this check, which comes after so many evaluations.
///
/// An error span, so that it is there at every level of the log.
pub(crate) fn of(check: &Check, evaluations: u32) -> Span {
    let ids = &check.properties;
    tracing::error_span!(
        "check",
        check.name,
        check.plan_id = %ids.plan_id,
        check.job_id = %ids.job_id,
        check.task_instance_id = %ids.task_instance_id,
        check.build_id = ids.build_id,
        check.evaluations = evaluations,
        check.trace_id = check.trace.as_ref().map(TraceContext::trace_id),
    )
}
