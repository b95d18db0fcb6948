//! What an evaluation shows on the run's page: the record's status, and the check's log.
//!
//! Nothing here changes a decision, or delays it beyond a short limit: people can do without a line of a log.

use std::time::Duration;

use super::attempt::Step;
use super::precheck::CLAIM;
use crate::azure_devops::task::RecordUpdate;
use crate::task_log;

/// How long one write of log or status may take. It never delays a decision by more.
pub(super) const STATUS_LIMIT: Duration = Duration::from_secs(5);

/// Parts of the check's time, in percent, at which the log warns.
const WARN_AT: [u32; 3] = [50, 80, 95];

/// What stands for a status before the first one is written: the log's first lines are.
const BEGUN: &str = "begun";

impl Step<'_> {
    /// Shows on the run's page that the check has started, before its first fact is read.
    pub(super) async fn begin(&mut self) {
        if !self.has_record || self.message.progress.log_id.is_some() {
            return;
        }
        let log = tokio::time::timeout(STATUS_LIMIT, self.session.create_log()).await;
        self.message.progress.log_id = match log {
            Ok(Ok(id)) => Some(id),
            Ok(Err(error)) => {
                tracing::warn!(check.plan_id = %self.ids().plan_id, error = %error, "no log could be created");
                None
            }
            Err(_) => None,
        };
        let started = RecordUpdate {
            state: Some("inProgress"),
            start_time: self.is_first().then_some(self.now),
            current_operation: Some(task_log::shorten(&format!("Check `{}` is evaluated", self.message.check.name))),
            ..RecordUpdate::default()
        };
        self.write_record(started).await;
    }

    /// The warnings that are due as the deadline nears.
    pub(super) fn warnings(&mut self) -> Vec<String> {
        let check = &self.message.check;
        let (total, spent) = (check.deadline - check.delivered_at, self.now - check.delivered_at);
        let is_due = |percent: &&u32| spent * 100 >= total * i32::try_from(**percent).unwrap_or(100);
        let due = WARN_AT.iter().take_while(is_due).count();
        let given = usize::try_from(self.message.progress.warnings).unwrap_or(WARN_AT.len());
        self.message.progress.warnings = u32::try_from(due).unwrap_or_default().max(self.message.progress.warnings);
        if due > given { vec![task_log::deadline_nears(WARN_AT[due - 1], check)] } else { Vec::new() }
    }

    /// Appends to the check's log. `false` when it could not be written, which never stops an evaluation.
    pub(super) async fn write_log(&mut self, lines: &[String]) -> bool {
        let mut all = Vec::new();
        if self.message.progress.last_status.is_empty() {
            all.extend(task_log::begins(&self.message.check, self.message.progress.run.as_ref()));
        }
        all.extend(self.outage());
        all.extend_from_slice(lines);
        all.is_empty() || self.append(&all).await
    }

    /// Says in the log since when Azure DevOps could not be reached, where it does not say so yet.
    pub(super) async fn tell_outage(&mut self) {
        if let Some(outage) = self.outage() {
            self.append(&[outage]).await;
        }
    }

    fn outage(&self) -> Option<String> {
        let since = self.message.progress.unreadable_since?;
        Some(task_log::outage(since, self.now))
    }

    async fn append(&mut self, lines: &[String]) -> bool {
        let Some(log_id) = self.message.progress.log_id else { return false };
        let text = task_log::render(lines, self.now);
        match tokio::time::timeout(STATUS_LIMIT, self.session.append_log(log_id, &text)).await {
            Ok(Ok(())) => {
                self.message.progress.unreadable_since = None;
                if self.message.progress.last_status.is_empty() {
                    BEGUN.clone_into(&mut self.message.progress.last_status);
                }
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(check.plan_id = %self.ids().plan_id, error = %error, "the log could not be written");
                false
            }
            Err(_) => {
                tracing::warn!(check.plan_id = %self.ids().plan_id, "the log was not written in time");
                false
            }
        }
    }

    /// Writes into the check's record, and with it this message's claim. Returns whether that is certain.
    pub(super) async fn write_record(&mut self, update: RecordUpdate) -> bool {
        if !self.has_record {
            return false;
        }
        let claim = self.claims.make(self.app.claim_times.next(self.app.clock.now()));
        let update = update.log(self.message.progress.log_id).variable(CLAIM, claim.to_string());
        match tokio::time::timeout(STATUS_LIMIT, self.session.update_record(&update)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(check.plan_id = %self.ids().plan_id, error = %error, "the record could not be updated");
                false
            }
            Err(_) => {
                tracing::warn!(check.plan_id = %self.ids().plan_id, "the record was not updated in time");
                false
            }
        }
    }
}
