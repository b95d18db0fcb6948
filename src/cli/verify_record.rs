//! `checkgate verify-record`: judges the facts of decision records again.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::{cannot_look, help, note, print, read_checks};
use crate::decision_record::{DecisionRecord, Unverified};
use crate::text::{count, one_line};

/// How a record begins.
const BEGINNING: &str = "{\"specversion\"";

/// Which records to verify.
#[derive(Args)]
#[command(after_help = help::VERIFY_RECORD)]
pub(super) struct Options {
    /// A file with records, such as the handler's log or what `evaluate --format json` printed; - for the standard input
    record: PathBuf,
    /// The checks.yaml of that time, for records that do not hold their definition
    #[arg(long)]
    file: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> ExitCode {
    match verify(options) {
        Ok(code) => code,
        Err(why) => cannot_look(&why),
    }
}

fn verify(options: &Options) -> Result<ExitCode, String> {
    let checks = options.file.as_deref().map(read_checks).transpose()?;
    let records = records_in(&read(&options.record)?);
    if records.is_empty() {
        return Err(format!("there is no decision record in {}", options.record.display()));
    }
    let (mut disagreeing, mut unjudged) = (0, 0);
    for record in &records {
        let record = match record {
            Ok(record) => record,
            Err(why) => {
                unjudged += 1;
                print(&format!("cannot judge  {}", one_line(why)));
                continue;
            }
        };
        let title = one_line(&format!("{}: {}", record.title(), record.decision().word()));
        match record.verify(checks.as_ref()) {
            Ok(()) => print(&format!("verified      {title}")),
            Err(Unverified::Disagrees(why)) => {
                disagreeing += 1;
                print(&format!("DISAGREES     {title}"));
                why.iter().for_each(|why| print(&format!("              {}", one_line(why))));
            }
            Err(Unverified::CannotJudge(why)) => {
                unjudged += 1;
                print(&format!("cannot judge  {title}\n              {}", one_line(&why)));
            }
        }
    }
    let verified = records.len() - disagreeing - unjudged;
    note(&format!(
        "{}: {verified} verified, {disagreeing} disagree, {unjudged} cannot be judged.",
        count(records.len(), "record")
    ));
    Ok(match (disagreeing, unjudged) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(2),
        _ => ExitCode::from(1),
    })
}

fn read(file: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(file).map(|read| bytes = read)
    };
    read.map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

type Found = Vec<Result<DecisionRecord, String>>;

/// The records of a text: one JSON, or lines among which are records.
fn records_in(text: &str) -> Found {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        collect(value, &mut found);
        return found;
    }
    for line in text.lines() {
        match (serde_json::from_str::<Value>(line), line.find(BEGINNING)) {
            (Ok(value), _) => collect(value, &mut found),
            // Something else stands in front of it or behind, such as the time.
            (Err(_), Some(at)) => {
                let mut values = serde_json::Deserializer::from_str(&line[at..]).into_iter::<Value>();
                match values.next() {
                    Some(Ok(value)) => collect(value, &mut found),
                    _ => found.push(Err("a line begins as a record and is not one: was it cut?".to_owned())),
                }
            }
            _ => {}
        }
    }
    found
}

/// The records in a JSON. Systems that keep logs put a line into a text of their own.
fn collect(value: Value, found: &mut Found) {
    match value {
        Value::Object(members) if members.contains_key("specversion") => {
            let record = serde_json::from_value(Value::Object(members));
            found.push(record.map_err(|error| format!("a record cannot be read: {error}")));
        }
        Value::Object(members) => members.into_iter().for_each(|(_, value)| collect(value, found)),
        Value::Array(items) => items.into_iter().for_each(|item| collect(item, found)),
        Value::String(text) if text.starts_with(BEGINNING) => match serde_json::from_str(&text) {
            Ok(value) => collect(value, found),
            Err(_) => found.push(Err("a text begins as a record and is not one: was it cut?".to_owned())),
        },
        _ => {}
    }
}
