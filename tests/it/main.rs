//! Black-box tests: the real routes, the real clients, the real serialization. Only the outside world is simulated.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; what it prints is shown then"
)]

mod advanced_security_alerts;
mod api_response;
mod app_folder;
mod architecture;
mod azure_devops_kinds;
mod captures;
mod catalogue;
mod checks_as_code;
mod closed_output;
mod command_line;
mod contested;
mod contract;
mod dashboards;
mod deaths;
mod deliver;
mod delivery;
mod edits;
mod events;
mod faults;
mod field_cases;
mod forged_messages;
mod freeze_calendar;
mod growing_interval;
mod hardening;
mod hostile_authors;
mod hostile_kinds;
mod jira_data_center;
mod jira_issues;
mod kills;
mod lives;
mod load;
mod local_run;
mod longer_than_the_token;
mod memory;
mod model;
mod mutations;
mod notices;
mod odd_records;
mod older_messages;
mod other_runs;
mod output;
mod packaged;
mod plan_urls;
mod poison;
mod process;
mod properties;
mod quick_start;
mod quiet_ends;
mod recipes;
mod reevaluation;
mod secrets;
mod settings;
mod shared_build;
mod sonar_quality_gate;
mod source_kinds;
mod stage;
mod storage;
mod storage_outage;
mod support;
mod telemetry;
mod trace_context;
mod two_apps;
mod unevaluated;
mod validate;
mod whole_app;
