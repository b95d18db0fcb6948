//! The kinds of condition, one file each.

pub(super) mod advanced_security_alerts;
pub(super) mod artifact;
pub(super) mod branch;
pub(super) mod build_reason;
pub(super) mod code_coverage;
pub(super) mod expression;
pub(super) mod freeze_calendar;
pub(super) mod http;
pub(super) mod jira_issues;
pub(super) mod metric;
pub(super) mod newest_run;
pub(super) mod pipeline_run;
pub(super) mod pull_request;
pub(super) mod query;
pub(super) mod service_now_change;
pub(super) mod sonar_quality_gate;
pub(super) mod tag;
pub(super) mod task_executed;
pub(super) mod test_results;
pub(super) mod window;
pub(super) mod work_items;
