//! The runs of a pipeline.

use super::build::Run;
use super::{Error, Session};

/// How many runs one page holds.
const PAGE: usize = 50;

impl Session<'_> {
    /// The last runs of a pipeline that are over, newest first.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn completed_runs(&self, pipeline: u64, last: usize) -> Result<Vec<Run>, Error> {
        let path = self.in_project(&format!(
            "build/builds?definitions={pipeline}&statusFilter=completed&queryOrder=queueTimeDescending&$top={}",
            PAGE.min(last)
        ));
        let mut runs: Vec<Run> = Vec::new();
        let mut next: Option<String> = None;
        while runs.len() < last {
            let (page, following) = self.page("read the runs", &path, (None, next.as_deref())).await?;
            runs.extend(page);
            next = following;
            if next.is_none() {
                break;
            }
        }
        runs.truncate(last);
        Ok(runs)
    }
}
