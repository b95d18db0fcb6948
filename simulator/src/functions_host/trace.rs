//! The trace context that the host sends where host.json says `"telemetryMode": "OpenTelemetry"`.

use uuid::Uuid;

/// The header's name.
pub(super) const TRACEPARENT: &str = "traceparent";

/// A span of the host's own: in the caller's trace, or in a new one.
pub(super) fn traceparent(of_caller: Option<&str>) -> String {
    let trace = of_caller.and_then(|text| text.split('-').nth(1)).map(str::to_owned);
    let trace = trace.unwrap_or_else(|| Uuid::new_v4().simple().to_string());
    let span = Uuid::new_v4().simple().to_string();
    format!("00-{trace}-{}-01", &span[..16])
}
