//! Runs tests: judges their facts, and compares the verdict with what is expected.

use super::given::Given;
use super::seen::Seen;
use super::{Expectation, Test, TestFile, validate};
use crate::checks_file::ChecksFile;
use crate::decision_record::Decided;
use crate::evaluation::replay::{End, Replay};
use crate::evaluation::{Status, Verdict};
use crate::facts::{Mismatch, MismatchKind};
use crate::task::Decision;
use crate::task_log;
use crate::yaml::{Document, Problem, Problems};

/// One test that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it shows.
    pub name: String,
    /// The check.
    pub check: String,
    /// What was expected and is not so; empty if it passed.
    pub failures: Vec<String>,
    /// What the check's log would say.
    pub log: Vec<String>,
}

/// The tests of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RanFile {
    /// The tests that could be run.
    pub tests: Vec<Ran>,
    /// What keeps the others from running.
    pub problems: Vec<Problem>,
    /// The recordings that keep the others from running.
    pub broken: Vec<Broken>,
    /// What is probably not as it was meant.
    pub warnings: Vec<Problem>,
}

/// A recording with mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The file, as the tests name it.
    pub recording: String,
    /// Where the first test names it.
    pub named_at: Problem,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// The names of the tests that were not run because of it.
    pub tests: Vec<String>,
}

impl RanFile {
    /// Notes a test that was not run because of its recording.
    fn note_broken(&mut self, test: &Test, named_at: Problem, problems: Vec<Problem>) {
        let recording = test.recorded.clone().unwrap_or_default();
        let known = self.broken.iter().position(|known| known.recording == recording).unwrap_or_else(|| {
            self.broken.push(Broken { recording, named_at, problems: Vec::new(), tests: Vec::new() });
            self.broken.len() - 1
        });
        let broken = &mut self.broken[known];
        let new: Vec<Problem> = problems.into_iter().filter(|problem| !broken.problems.contains(problem)).collect();
        broken.problems.extend(new);
        broken.tests.push(test.name.clone());
    }
}

/// Runs the tests of a file. `load` reads a file beside it.
pub fn run(text: &str, checks: &ChecksFile, load: &dyn Fn(&str) -> Result<String, String>, seen: &mut Seen) -> RanFile {
    let document = match Document::parse_own(text) {
        Ok(document) => document,
        Err(problem) => return RanFile { problems: vec![problem], ..RanFile::default() },
    };
    let file = match document.read(|file: &TestFile, problems| {
        if file.tests.is_empty() {
            problems.push("tests", "is empty; a file of tests has at least one");
        }
    }) {
        Ok(file) => file,
        Err(problems) => return RanFile { problems, ..RanFile::default() },
    };
    let mut ran = RanFile::default();
    for (index, test) in file.tests.iter().enumerate() {
        let place = format!("tests[{index}]");
        let mut found = Found { place: &place, ..Found::default() };
        let judged = found.judge(test, Given::of(test, &file, load), checks);
        ran.problems.extend(found.problems.into_iter().map(|problem| document.locate(problem)));
        ran.warnings.extend(found.warnings.into_iter().map(|problem| document.locate(problem)));
        if !found.recorded.is_empty() {
            let named_at = document.locate(Problem::new(format!("{place}.recorded"), ""));
            ran.note_broken(test, named_at, found.recorded);
        }
        if let Some(Judged { check, decided, verdict, log }) = judged {
            seen.note(&check, &verdict);
            let failures = compare(&test.expect, decided, &verdict, &log);
            ran.tests.push(Ran { name: test.name.clone(), check, failures, log });
        }
    }
    ran
}

/// What a test comes to.
struct Judged {
    check: String,
    decided: Decided,
    verdict: Verdict,
    log: Vec<String>,
}

/// Collects what is wrong with one test.
#[derive(Default)]
struct Found<'a> {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    /// In the recording.
    recorded: Vec<Problem>,
    /// Where the test is in its file.
    place: &'a str,
}

impl Found<'_> {
    /// What a test comes to, if nothing is wrong with it.
    fn judge(&mut self, test: &Test, given: Result<Given, Vec<Problem>>, checks: &ChecksFile) -> Option<Judged> {
        let mut given = given.map_err(|problems| self.recorded = problems).ok()?;
        let mut problems = Problems::at(self.place.to_owned(), &mut self.problems);
        let (check, definition) = validate::definition(&given, checks, &mut problems)?;
        validate::inputs(test, &mut given, definition, &mut problems);
        validate::expectation(&test.expect, definition, &mut problems);
        let Some(at) = given.at else {
            problems.push("", "says no time; add for instance `at: 2026-01-05T09:00:00Z`");
            return None;
        };
        let delivered_at = given.delivered.unwrap_or(at);
        if delivered_at > at {
            problems.push("delivered", "is after the time of the evaluation, `at`");
        }
        let replay = Replay {
            definition,
            inputs: &given.inputs,
            delivered_at,
            deadline: definition.deadline(delivered_at),
            at,
            read_at: at,
            memory: &given.memory,
        };
        let (verdict, mismatches) = replay.judge(&given.facts);
        for mismatch in mismatches {
            self.note(mismatch, &given);
        }
        (self.problems.is_empty() && self.recorded.is_empty()).then(|| Judged {
            check,
            decided: Decided::from(replay.status(&verdict)),
            log: [task_log::conditions(&verdict), last_lines(&replay, &verdict)].concat(),
            verdict,
        })
    }

    /// Reports a fact at its place. A recording may hold more than the check asks for by now.
    fn note(&mut self, mismatch: Mismatch, given: &Given) {
        let Mismatch { index, path, message, kind } = mismatch;
        if let (Some(index), Some((recording, places))) = (index.checked_sub(given.own), &given.recording) {
            let is_mistake = kind == MismatchKind::Unreadable;
            self.recorded.extend(is_mistake.then(|| recording.problem(places[index], &path, message)));
            return;
        }
        let problem = Problem::new(validate::place_of_fact(self.place, index, &path), message);
        match kind {
            MismatchKind::Unreadable | MismatchKind::OfNotAsked => self.problems.push(problem),
            MismatchKind::NameNotAsked => self.warnings.push(problem),
        }
    }
}

/// What the log says at the end, if the check ends.
fn last_lines(replay: &Replay<'_>, verdict: &Verdict) -> Vec<String> {
    let (definition, explanation) = (replay.definition, &verdict.explanation);
    let missing = || task_log::blockers_in_one_line(explanation);
    let real = match (verdict.status(), replay.end(verdict)) {
        (Status::Passed, _) => Decision::Approved,
        (Status::Failed, _) => Decision::rejected(task_log::not_met(explanation)),
        (_, Some(End::TimeIsOver)) => Decision::rejected(task_log::time_is_over(definition, &missing())),
        (_, Some(End::OverBudget(condition))) => Decision::rejected(task_log::over_budget(condition, definition)),
        (_, Some(End::Skipped)) => return vec![task_log::skipped(&missing())],
        (_, None) => return Vec::new(),
    };
    let decision = if definition.dry_run { &Decision::Approved } else { &real };
    task_log::decision(decision, definition.dry_run.then_some(&real))
}

/// What is not as expected.
fn compare(expect: &Expectation, decided: Decided, verdict: &Verdict, log: &[String]) -> Vec<String> {
    let mut failures = Vec::new();
    if let Some(outcome) = expect.outcome.filter(|outcome| *outcome != decided) {
        failures.push(format!("outcome: expected {}, found {}", outcome.word(), decided.word()));
    }
    if let Some(expected) = &expect.blocking {
        let found: Vec<&str> = verdict.explanation.blocking().iter().map(|leaf| leaf.condition.as_str()).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        let sorted = |list: &[&str]| {
            let mut list: Vec<String> = list.iter().map(|name| format!("`{name}`")).collect();
            list.sort();
            if list.is_empty() { "nothing".to_owned() } else { list.join(", ") }
        };
        if sorted(&found) != sorted(&expected) {
            failures.push(format!("blocking: expected {}, found {}", sorted(&expected), sorted(&found)));
        }
    }
    for text in expect.text.iter().filter(|text| !log.iter().any(|line| line.contains(text.as_str()))) {
        failures.push(format!("text: no line of the log holds `{text}`"));
    }
    failures
}

impl TestFile {
    /// A file with one test: the check was evaluated, and this came out.
    #[must_use]
    pub fn of_evaluation(test: Test, verdict: &Verdict, replay: &Replay<'_>) -> Self {
        let decided = Decided::from(replay.status(verdict));
        let blocking: Vec<String> = verdict.explanation.blocking().iter().map(|it| it.condition.clone()).collect();
        let blocking = (!blocking.is_empty()).then_some(blocking);
        let expect = Expectation { outcome: Some(decided), blocking, text: Vec::new() };
        Self { tests: vec![Test { expect, ..test }], ..Self::default() }
    }
}
