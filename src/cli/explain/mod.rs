//! `checkgate explain`: a check in plain sentences, and what to write into its panel.

mod calls;
mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{block_on, cannot_look, help, print, read_checks};
use crate::azure_devops::check_configurations::CheckConfiguration;
use crate::check::{CheckDefinition, Notify, Occasion, OnTimeout};
use crate::checks_file::ChecksFile;
use crate::compliance::{Address, Panel, Wanted};
use crate::conditions::{Condition, WhenNotMet};
use crate::evaluation::past::not_of_the_past;
use crate::suggest::suggest;
use crate::task::CompletionEvent;
use crate::text::one_line;

/// Stands for the address that only the operator knows.
const FUNCTION_URL: &str = "https://<function app>.azurewebsites.net/api/CheckFunction";

/// Which check to explain.
#[derive(Args)]
#[command(after_help = help::EXPLAIN)]
pub(super) struct Options {
    /// The check's name in the file
    check: String,
    /// The file with the checks
    #[arg(long, default_value = "checks.yaml")]
    file: PathBuf,
}

pub(super) fn run(options: &Options) -> ExitCode {
    block_on(async {
        match explain(options) {
            Ok(text) => {
                print(text.trim_end());
                ExitCode::SUCCESS
            }
            Err(why) => cannot_look(&why),
        }
    })
}

fn explain(options: &Options) -> Result<String, String> {
    let checks = read_checks(&options.file)?;
    let definition = checks.checks.get(&options.check).ok_or_else(|| {
        let hint = suggest(&options.check, checks.checks.keys().map(String::as_str));
        format!("there is no check `{}` in {}{hint}", options.check, options.file.display())
    })?;
    let told = told(definition, &checks);
    Ok(format!("{}{told}\n{}", policy(&options.check, definition), panel(&options.check, definition)?))
}

/// The policy in sentences.
fn policy(name: &str, definition: &CheckDefinition) -> String {
    let mut lines = vec![format!("Check `{name}`")];
    lines.extend((!definition.description.is_empty()).then(|| definition.description.clone()));
    lines.push(String::new());
    let count = definition.conditions.len();
    lines.push(if count == 1 { "This must hold:".to_owned() } else { format!("All {count} of these must hold:") });
    definition.conditions.iter().for_each(|condition| describe(condition, None, 1, &mut lines));
    let mut kinds = BTreeSet::new();
    definition.conditions.iter().for_each(|condition| collect(condition, &mut kinds));
    for kind in &kinds {
        lines.extend([String::new(), format!("A condition `{kind}`:")]);
        lines.extend(page::sentences(kind).iter().map(|sentence| format!("  {sentence}")));
    }
    lines.push(String::new());
    let end = match definition.on_timeout {
        OnTimeout::Fail => "then it fails, and says what was missing",
        OnTimeout::Skip => "then Azure Pipelines skips the stage",
    };
    lines.push(match definition.completion_event {
        CompletionEvent::Callback => format!(
            "While it waits, it is evaluated {}, for at most {}; {end}.",
            definition.reevaluate_every(),
            definition.timeout
        ),
        CompletionEvent::ApiResponse => "Azure Pipelines asks, and gets the decision in the answer.".to_owned(),
    });
    lines.extend(calls::sentences(definition));
    if kinds.contains("metric") {
        lines.push("A metric is asked for only when a checkpoint is due.".to_owned());
    }
    if definition.dry_run {
        lines.push("It is a dry run: it decides `succeeded` whatever it finds.".to_owned());
    }
    let gone = not_of_the_past(definition);
    lines
        .extend(gone.iter().map(|(title, why)| {
            format!("`checkgate backtest` cannot ask of the past: {}: {why}.", in_one_line(title))
        }));
    lines.push(String::new());
    lines.join("\n")
}

fn describe(condition: &Condition, inherited: Option<WhenNotMet>, depth: usize, lines: &mut Vec<String>) {
    let when = condition.when_not_met.or(inherited);
    let indent = "  ".repeat(depth);
    match condition.kind.inside() {
        Some((_, inside)) => {
            lines.push(format!("{indent}- {}:", in_one_line(&condition.title())));
            inside.iter().for_each(|inner| describe(inner, when, depth + 1, lines));
        }
        None => {
            let end = match when.unwrap_or_else(|| condition.kind.when_not_met()) {
                WhenNotMet::Fail => "if not, the check fails",
                WhenNotMet::Wait => "if not, the check waits",
            };
            let asks = condition.connections().first().map(|name| format!("connection `{name}`"));
            let asks = asks.or_else(|| condition.asks_azure_devops().then(|| "Azure DevOps".to_owned()));
            let asks = asks.map_or_else(|| "asks nobody".to_owned(), |asked| format!("asks {asked}"));
            lines.push(format!("{indent}- {}; {end} ({asks})", in_one_line(&condition.title())));
        }
    }
}

/// The kinds of the conditions, without those that only hold others.
fn collect(condition: &Condition, kinds: &mut BTreeSet<&'static str>) {
    match condition.kind.inside() {
        Some((_, inside)) => inside.iter().for_each(|inner| collect(inner, kinds)),
        None => drop(kinds.insert(condition.kind.name())),
    }
}

/// A query may have several lines.
fn in_one_line(title: &str) -> String {
    one_line(title).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Who is told what becomes of the check: a line for each.
fn told(definition: &CheckDefinition, checks: &ChecksFile) -> String {
    let occasion = |occasion: &Occasion| match occasion {
        Occasion::Waiting => "that it waits",
        Occasion::Expiring => "that its time is nearly over",
        Occasion::Decided => "what was decided",
    };
    let sentence = |Notify { to, on }: &Notify| {
        let occasions: Vec<&str> = on.iter().map(occasion).collect();
        format!("The webhook of connection `{to}` is told {}.\n", occasions.join(", "))
    };
    let list = match definition.completion_event {
        CompletionEvent::Callback => definition.notify.as_ref().unwrap_or(&checks.notify).as_slice(),
        CompletionEvent::ApiResponse => &[],
    };
    list.iter().map(sentence).collect()
}

/// The settings of the panel, as `install` writes them.
fn panel(name: &str, definition: &CheckDefinition) -> Result<String, String> {
    let inputs = BTreeMap::new();
    let address = Some(Address::Function(FUNCTION_URL.to_owned()));
    let wanted = Wanted { name, definition, address, key: Some(""), inputs: &inputs };
    let check = wanted.apply(None, &json!({}))?;
    let panel = Panel::read(&CheckConfiguration(check)).ok_or("it is not a check of a server task")?;
    let headers = panel.headers?.to_text();
    let criteria = Some(panel.success_criteria).filter(|criteria| !criteria.is_empty());
    let criteria = criteria.map_or_else(String::new, |criteria| format!("\n  Success criteria         {criteria}"));
    Ok(format!(
        "In the panel *Invoke Azure Function*, write:\n  Azure function URL       {FUNCTION_URL}\n  Function key             the key of the function, or $(variable) of a linked variable group\n  Method                   {}\n  Completion event         {:?}{criteria}\n  Time between evaluations {}\n  Timeout                  {}\n  Headers:\n{headers}",
        panel.method, panel.completion_event, panel.time_between_evaluations, panel.timeout
    ))
}
