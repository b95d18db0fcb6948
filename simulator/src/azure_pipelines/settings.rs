//! What an administrator chooses for a check.

use chrono::TimeDelta;

/// Who tells Azure Pipelines the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionEvent {
    /// The answer of the call. The platform's default.
    ApiResponse,
    /// A later `TaskCompleted` event.
    Callback,
}

/// What Azure Pipelines does in ApiResponse mode after an answer other than 200. This is not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorStatus {
    /// It fails the check at once.
    Final,
    /// It is a negative decision like any other. If *Time between evaluations* is not 0, the check is asked again.
    AskedAgain,
}

/// The settings of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// *Completion event*.
    pub completion_event: CompletionEvent,
    /// *Success criteria*. Empty criteria accept every answer with status 200.
    pub success_criteria: String,
    /// *Timeout*, from the begin of the stage's checks.
    pub timeout: TimeDelta,
    /// *Time between evaluations*. 0: the decision is final.
    pub time_between_evaluations: TimeDelta,
    /// What an answer other than 200 does in ApiResponse mode.
    pub error_status: ErrorStatus,
}

/// The platform's defaults.
impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            completion_event: CompletionEvent::ApiResponse,
            success_criteria: String::new(),
            timeout: TimeDelta::minutes(1440),
            time_between_evaluations: TimeDelta::zero(),
            error_status: ErrorStatus::Final,
        }
    }
}

impl CheckSettings {
    /// The guide's recommended settings: a callback that is final.
    pub fn callback(timeout: TimeDelta) -> Self {
        Self { completion_event: CompletionEvent::Callback, timeout, ..Self::default() }
    }

    /// A check that is asked every `interval` until an answer meets the guide's criteria.
    pub fn api_response(timeout: TimeDelta, interval: TimeDelta) -> Self {
        Self {
            success_criteria: "eq(root['status'], 'successful')".to_owned(),
            timeout,
            time_between_evaluations: interval,
            ..Self::default()
        }
    }

    /// Whether a decision is valid only for the interval.
    pub fn is_asked_again(&self) -> bool {
        self.time_between_evaluations > TimeDelta::zero()
    }

    /// What in the settings is against the guide's rules, or dangerous: a sentence for each.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        let is_callback = self.completion_event == CompletionEvent::Callback;
        if is_callback && self.is_asked_again() {
            let why = "with any other value, a denied check is delivered again";
            advice.push(format!("Time between evaluations must be 0 in Callback mode: {why}."));
        }
        if !is_callback && self.is_asked_again() && !self.is_compliant() {
            let ratio = self.timeout.num_seconds() as f64 / self.time_between_evaluations.num_seconds() as f64;
            let ratio = (ratio * 10.0).round() / 10.0;
            advice.push(format!("the timeout is {ratio} times the time between evaluations, and the guide allows 10."));
        }
        if !is_callback && self.success_criteria.trim().is_empty() {
            advice.push("without success criteria, every answer with status 200 lets the stage run.".to_owned());
        }
        advice
    }

    /// Whether the settings follow the guide's rules: a callback is final, and a polled check is asked at most ten times.
    pub fn is_compliant(&self) -> bool {
        match self.completion_event {
            CompletionEvent::Callback => !self.is_asked_again(),
            CompletionEvent::ApiResponse => {
                !self.is_asked_again() || self.timeout <= self.time_between_evaluations * 10
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guides_ratios_are_compliant() {
        let minutes = TimeDelta::minutes;
        assert!(CheckSettings::callback(minutes(100)).is_compliant());
        let recalled = CheckSettings { time_between_evaluations: minutes(1), ..CheckSettings::callback(minutes(100)) };
        assert!(!recalled.is_compliant());
        assert!(CheckSettings::api_response(minutes(20), minutes(2)).is_compliant());
        assert!(CheckSettings::api_response(minutes(100), minutes(10)).is_compliant());
        assert!(!CheckSettings::api_response(minutes(100), minutes(2)).is_compliant());
        assert!(CheckSettings::default().is_compliant());
    }
}
