//! Code coverage that runs have published: the summary over all tools, which has no page of its own in the REST reference.
//!
//! It is `test/codecoverage` *without* `flags`; with them, the same resource knows Visual Studio's format only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::byte_serialize;

use super::build::{Build, Run};
use super::session::Wrapped;
use super::{Error, Session};
use crate::text::{folded, is_same};

/// The code coverage of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CodeCoverage {
    /// The state of merging: `completed`, `inProgress` …; empty when Azure DevOps does not give it.
    pub status: String,
    /// Everything that was counted, for each configuration by itself.
    pub statistics: Vec<CoverageStatistics>,
    /// A configuration of which Azure DevOps does not give the numbers.
    pub without_numbers: Option<String>,
}

/// What one configuration of a run counted under one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageStatistics {
    /// The configuration: platform and flavor, such as `x64 Release`; empty where the publishing task named none.
    #[serde(default)]
    pub configuration: String,
    /// What is counted, in the tool's words: `Lines`, `Branches`, `Blocks` …
    pub label: String,
    /// How many are covered.
    pub covered: u32,
    /// How many there are.
    pub total: u32,
}

impl CodeCoverage {
    /// Covered and total of a label, summed over all configurations. `None` when nothing was published for it.
    #[must_use]
    pub fn of(&self, label: &str) -> Option<(u64, u64)> {
        let of_label = self.statistics.iter().filter(|statistics| is_label(&statistics.label, label));
        of_label.map(|found| (u64::from(found.covered), u64::from(found.total))).reduce(|a, b| (a.0 + b.0, a.1 + b.1))
    }
}

impl CodeCoverage {
    /// A configuration that counted the label twice, as a job does that is run again. Azure DevOps does not say which of
    /// the two is newer, and both together would be wrong.
    #[must_use]
    pub fn repeated(&self, label: &str) -> Option<&str> {
        let of_label = || self.statistics.iter().filter(|statistics| is_label(&statistics.label, label));
        let count = |configuration: &str| {
            of_label().filter(|statistics| is_same(&statistics.configuration, configuration)).count()
        };
        of_label().map(|statistics| statistics.configuration.as_str()).find(|configuration| count(configuration) > 1)
    }
}

/// Whether two labels mean the same: tools write `Line`, `line` and `Lines`.
fn is_label(found: &str, wanted: &str) -> bool {
    let [found, wanted] = [found, wanted].map(|label| folded(label.trim()));
    let is_plural = |one: &str, many: &str| matches!(many.strip_prefix(one), Some("" | "s" | "es"));
    is_plural(&found, &wanted) || is_plural(&wanted, &found)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CoverageSummary {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    coverage_data: Option<Vec<CoverageData>>,
}

/// One configuration, such as `x64 Release`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CoverageData {
    #[serde(default)]
    build_platform: Option<String>,
    #[serde(default)]
    build_flavor: Option<String>,
    #[serde(default)]
    coverage_stats: Option<Vec<CoverageStatistics>>,
}

impl CoverageData {
    fn configuration(&self) -> String {
        let named = [&self.build_platform, &self.build_flavor].map(|name| name.as_deref().unwrap_or_default());
        named.join(" ").trim().to_owned()
    }

    fn statistics(self) -> impl Iterator<Item = CoverageStatistics> {
        let configuration = self.configuration();
        let in_it = move |found| CoverageStatistics { configuration: configuration.clone(), ..found };
        self.coverage_stats.unwrap_or_default().into_iter().map(in_it)
    }
}

impl From<CoverageSummary> for CodeCoverage {
    fn from(summary: CoverageSummary) -> Self {
        let data = summary.coverage_data.unwrap_or_default();
        Self {
            without_numbers: data.iter().find(|data| data.coverage_stats.is_none()).map(CoverageData::configuration),
            status: summary.status.unwrap_or_default(),
            statistics: data.into_iter().flat_map(CoverageData::statistics).collect(),
        }
    }
}

impl Session<'_> {
    /// The code coverage that a run has published so far.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn coverage(&self, build_id: u64) -> Result<CodeCoverage, Error> {
        let path = self.in_project(&format!("test/codecoverage?buildId={build_id}"));
        let summary: Option<CoverageSummary> = self.get("read the run's code coverage", &path).await?;
        Ok(summary.unwrap_or_default().into())
    }

    /// The last run of the pipeline `definition` and of the same branch that succeeded, other than `run`.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn last_successful(&self, run: &Run, definition: u64) -> Result<Option<Run>, Error> {
        let branch: String = byte_serialize(run.source_branch.as_bytes()).collect();
        let filters = "statusFilter=completed&resultFilter=succeeded&queryOrder=finishTimeDescending&$top=2";
        let path = self.in_project(&format!("build/builds?definitions={definition}&branchName={branch}&{filters}"));
        let builds: Wrapped<Build> = self.get("read the last successful run", &path).await?;
        Ok(builds.value.into_iter().map(|build| build.run).find(|earlier| earlier.id != run.id))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_configurations_of_a_label_are_summed() {
        let summary = json!({
            "build": { "id": "7" }, "deltaBuild": null, "status": "completed",
            "coverageData": [
                { "buildPlatform": "x64", "coverageStats": [
                    { "label": "Lines", "position": 1, "total": 100, "covered": 80, "isDeltaAvailable": false },
                    { "label": "Branches", "position": 2, "total": 10, "covered": 5 },
                ]},
                { "buildPlatform": "arm", "coverageStats": [{ "label": "line", "total": 50, "covered": 10 }] },
                { "buildPlatform": "wasm", "coverageStats": [] },
            ],
        });
        let coverage: CodeCoverage = serde_json::from_value::<CoverageSummary>(summary).expect("a summary").into();
        assert_eq!(coverage.status, "completed");
        assert_eq!(coverage.of("Lines"), Some((90, 150)));
        assert_eq!(coverage.of("LINE"), Some((90, 150)));
        assert_eq!(coverage.of("branch"), Some((5, 10)));
        assert_eq!(coverage.of("Blocks"), None);
        assert_eq!(coverage.without_numbers, None);
    }

    #[test]
    fn a_configuration_that_counts_a_label_twice_is_noticed() {
        let counted = |entries: &[(&str, &str, &str)]| -> CodeCoverage {
            let entry = |(platform, flavor, label): &(&str, &str, &str)| {
                let stats = [json!({ "label": label, "total": 10, "covered": 5 })];
                json!({ "buildPlatform": platform, "buildFlavor": flavor, "coverageStats": stats })
            };
            let data: Vec<_> = entries.iter().map(entry).collect();
            serde_json::from_value::<CoverageSummary>(json!({ "coverageData": data })).expect("a summary").into()
        };
        let twice = counted(&[("x64", "Release", "Lines"), ("X64", "Release", "line"), ("arm", "Release", "Lines")]);
        assert_eq!(twice.repeated("Lines"), Some("x64 Release"));
        assert_eq!(twice.repeated("Branches"), None);
        assert_eq!(counted(&[("", "", "Lines"), ("", "", "Lines")]).repeated("Lines"), Some(""));
        let different =
            counted(&[("x64", "Debug", "Lines"), ("x64", "Release", "Lines"), ("x64", "Debug", "Branches")]);
        assert_eq!((different.repeated("Lines"), different.of("Lines")), (None, Some((10, 20))));
    }

    #[test]
    fn a_configuration_without_numbers_is_noticed() {
        let summary = json!({ "coverageData": [{ "buildPlatform": "wasm", "coverageStats": null }] });
        let coverage: CodeCoverage = serde_json::from_value::<CoverageSummary>(summary).expect("a summary").into();
        assert_eq!(coverage.without_numbers.as_deref(), Some("wasm"));
    }

    #[test]
    fn a_run_without_coverage_has_none() {
        for summary in [json!({}), json!({ "coverageData": null, "status": null }), json!({ "coverageData": [] })] {
            let coverage: CodeCoverage = serde_json::from_value::<CoverageSummary>(summary).expect("a summary").into();
            assert_eq!(coverage, CodeCoverage::default());
        }
    }
}
