//! The commits of a run, with their messages.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::session::Call;
use super::{Error, ErrorKind, Session};
use crate::http::json::or_default;

/// A commit of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Its hash.
    pub id: String,
    /// Its message, or the beginning of it.
    #[serde(default, deserialize_with = "or_default")]
    pub message: String,
    /// Whether the message is only the beginning.
    #[serde(default, deserialize_with = "or_default")]
    pub message_truncated: bool,
}

#[derive(Deserialize)]
struct WholeCommit {
    comment: String,
}

impl Session<'_> {
    /// The commits of the run: those since the last successful run of its pipeline and branch.
    ///
    /// # Errors
    ///
    /// As any call; and where there are `most` or more: then nobody knows whether all are listed.
    pub async fn commits(&self, most: usize) -> Result<Vec<Commit>, Error> {
        let what = "read the run's commits";
        let path = self.in_project(&format!("build/builds/{}/changes?$top={most}", self.build_id()?));
        let (commits, next) = self.first_page::<Commit>(Call::get(what, &path)).await?;
        if next.is_some() || commits.len() >= most {
            let detail = format!("it has {most} or more, and not all of them are listed; run the pipeline more often");
            return Err(Error::new(what, ErrorKind::Other, detail));
        }
        Ok(commits)
    }

    /// The whole message of a commit in Azure Repos. The caller has made sure that it is the hash of a commit: it becomes
    /// part of a path.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn commit_message(&self, repository: Uuid, commit: &str) -> Result<String, Error> {
        let path = self.in_project(&format!("git/repositories/{repository}/commits/{commit}"));
        let commit: WholeCommit = self.get("read the message of a commit", &path).await?;
        Ok(commit.comment)
    }
}
