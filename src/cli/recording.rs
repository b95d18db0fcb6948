//! What `evaluate --record` writes: the evaluation as a test of its policy.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use super::{note, policy_test as command};
use crate::check::Check;
use crate::evaluation::Memory;
use crate::evaluation::evaluator::Evaluation;
use crate::evaluation::replay::Replay;
use crate::facts::RecordedFact;
use crate::policy_test::{Test, TestFile};
use crate::task_log::time;
use crate::yaml;

/// Writes the evaluation into a new file, without the secrets that `hide` knows.
///
/// # Errors
///
/// A sentence for the person.
pub(super) fn write(
    file: &Path,
    check: &Check,
    evaluation: &Evaluation,
    hide: &dyn Fn(Value) -> Value,
) -> Result<(), String> {
    let at = check.delivered_at;
    let run = check.properties.build_id.map_or_else(String::new, |build| format!(" on run {build}"));
    let test = Test {
        name: format!("{}{run}, {}", check.name, time(at)),
        check: Some(check.name.clone()),
        at: Some(at),
        inputs: check.inputs.clone(),
        facts: evaluation.evidence.record().into_iter().map(RecordedFact::whole).collect(),
        ..Test::default()
    };
    let memory = Memory::default();
    let replay = Replay {
        definition: &check.definition,
        inputs: &check.inputs,
        delivered_at: at,
        deadline: check.deadline,
        at,
        read_at: at,
        memory: &memory,
    };
    let recorded = TestFile::of_evaluation(test, &evaluation.verdict, &replay);
    let recorded = hide(serde_json::to_value(recorded).map_err(|error| error.to_string())?);
    let text = text_of(file, &recorded).map_err(|why| format!("the recording cannot be written: {why}"))?;
    let cannot = |error| format!("{} cannot be written: {error}", file.display());
    // A recording that somebody has edited is not replaced.
    let mut new = OpenOptions::new().write(true).create_new(true).open(file).map_err(cannot)?;
    new.write_all(text.as_bytes()).map_err(cannot)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let hint = if command::is_tests(&name) { "" } else { "; `checkgate test` finds files that end with .test.yaml" };
    note(&format!("recorded in {}{hint}", file.display()));
    Ok(())
}

/// As JSON if the file's name says so, else as YAML.
fn text_of(file: &Path, recorded: &Value) -> Result<String, String> {
    if file.extension().is_some_and(|extension| extension == "json") {
        return serde_json::to_string_pretty(recorded).map_err(|error| error.to_string());
    }
    let head = "# What an evaluation saw. `checkgate test` judges it again. Edit it, or begin other tests with it.\n";
    Ok(format!("{head}{}", yaml::write(recorded)?))
}
