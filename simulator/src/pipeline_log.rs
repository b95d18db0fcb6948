//! What the run page shows of a check, as plain text.

use crate::azure_devops::{CheckIds, RecordState, State, TimelineRecord};
use crate::azure_pipelines::Delivered;

/// Renders the delivery, the check's record, its log and its decisions.
pub fn render(state: &State, ids: &CheckIds, delivered: Option<&Delivered>) -> String {
    let mut lines = delivered.map_or_else(Vec::new, delivery);
    if let Some(record) = state.timeline_record(ids) {
        lines.extend(status(&record));
    }
    let log = state.log_text(ids);
    lines.extend(log.lines().map(|line| format!("  {line}")));
    lines.extend(state.decisions(ids).iter().map(|event| {
        let fate = if event.accepted { "" } else { " (nobody waited for it)" };
        format!("Decision at {}: {}{fate}", event.at.format("%H:%M:%S"), event.result)
    }));
    lines.join("\n")
}

/// The delivery, as the server task prints it.
fn delivery(delivered: &Delivered) -> Vec<String> {
    let code = match delivered.status {
        0 => "none".to_owned(),
        status => http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason().map(|reason| reason.replace(' ', "")))
            .unwrap_or_else(|| status.to_string()),
    };
    vec![format!("POST {}", delivered.url), format!("Response Code: {code}"), format!("Response: {}", delivered.body)]
}

fn status(record: &TimelineRecord) -> Vec<String> {
    let state = match record.state.unwrap_or(RecordState::Pending) {
        RecordState::Pending => "waiting".to_owned(),
        RecordState::InProgress => "in progress".to_owned(),
        RecordState::Completed => record.result.map_or("completed", |result| result.as_str()).to_owned(),
    };
    let percent = record.percent_complete.map_or_else(String::new, |percent| format!(" ({percent} %)"));
    let mut lines = vec![format!("{}: {state}{percent}", record.name.as_deref().unwrap_or("check"))];
    lines.extend(record.current_operation.iter().map(|operation| format!("  {operation}")));
    let issues = record.issues.iter().flatten();
    lines.extend(issues.map(|issue| format!("  {:?}: {}", issue.kind, issue.message)));
    lines
}
