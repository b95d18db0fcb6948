//! How tests went: for people, and as JUnit XML for pipelines.

use std::fmt::Write as _;

use std::path::{Component, Path, PathBuf};

use super::{Broken, RanFile};
use crate::text::{count, is_carried_by_xml, one_line};
use crate::yaml::Problem;

/// What was run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The files, each with its name.
    pub files: Vec<(String, RanFile)>,
    /// What the tests did not see.
    pub one_sided: Vec<String>,
}

impl Report {
    fn tests(&self) -> usize {
        self.files.iter().map(|(_, file)| file.tests.len()).sum()
    }

    /// How many tests failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.files.iter().flat_map(|(_, file)| &file.tests).filter(|test| !test.failures.is_empty()).count()
    }

    /// How many mistakes keep tests from running.
    #[must_use]
    pub fn problems(&self) -> usize {
        self.files.iter().map(|(name, file)| self.mistakes(name, file).len()).sum()
    }

    /// The mistakes to show for a file, each with its place: its own, and those of its recordings that no file shows as its
    /// own.
    fn mistakes(&self, name: &str, file: &RanFile) -> Vec<String> {
        let mut mistakes: Vec<String> = file.problems.iter().map(Problem::to_string).collect();
        for broken in &file.broken {
            let Broken { recording, named_at, problems, .. } = broken;
            let shown = self.files.iter().find(|(other, _)| is_same_file(Path::new(other), name, recording));
            let is_shown = |problem: &&Problem| shown.is_some_and(|(_, file)| file.problems.contains(problem));
            for problem in problems.iter().filter(|problem| !is_shown(problem)) {
                mistakes.push(format!("{named_at}{recording}: {problem}"));
            }
        }
        mistakes
    }
}

/// Whether a file is the one that another names by a path relative to itself.
fn is_same_file(file: &Path, other: &str, named: &str) -> bool {
    let mut path = PathBuf::new();
    let folder = Path::new(other).parent().unwrap_or_else(|| Path::new(""));
    for part in folder.join(named).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(path.pop()),
            part => path.push(part),
        }
    }
    path == file
}

/// The report for people.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |words: &str| {
        let _ = writeln!(text, "{}", one_line(words));
    };
    for (name, file) in &report.files {
        line(name);
        for test in &file.tests {
            let word = if test.failures.is_empty() { "ok    " } else { "FAILED" };
            line(&format!("  {word}  {} ({})", test.name, test.check));
            test.failures.iter().for_each(|failure| line(&format!("          {failure}")));
            if !test.failures.is_empty() {
                line("          the log would say:");
                test.log.iter().for_each(|said| line(&format!("          {said}")));
            }
        }
        file.warnings.iter().for_each(|warning| line(&format!("  warning: {name}: {warning}")));
        report.mistakes(name, file).iter().for_each(|mistake| line(&format!("  cannot run: {name}: {mistake}")));
        for Broken { recording, tests, .. } in &file.broken {
            let was = if tests.len() == 1 { "was" } else { "were" };
            line(&format!("  {} {was} not run because of {recording}", count(tests.len(), "test")));
        }
    }
    let (failed, problems) = (report.failed(), report.problems());
    let mut total = format!("{}, {failed} failed", count(report.tests(), "test"));
    if problems > 0 {
        let _ = write!(total, ", {} in the files of tests", count(problems, "mistake"));
    }
    line(&format!("{total}."));
    if !report.one_sided.is_empty() {
        line("Not seen both ways:");
        report.one_sided.iter().for_each(|it| line(&format!("  {it}")));
    }
    text
}

/// The report as JUnit XML.
#[must_use]
pub fn junit(report: &Report) -> String {
    let not_run: usize = report.files.iter().map(|(_, file)| not_run(file).count()).sum();
    let (failed, problems) = (report.failed(), report.problems());
    let tests = report.tests() + problems + not_run;
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"checkgate\" tests=\"{tests}\" failures=\"{failed}\" errors=\"{problems}\" time=\"0\">"
    );
    for (name, file) in &report.files {
        write_suite(&mut xml, name, file, &report.mistakes(name, file));
    }
    xml.push_str("</testsuites>");
    xml
}

/// The tests that were not run because of their recordings, each with its recording.
fn not_run(file: &RanFile) -> impl Iterator<Item = (&str, &str)> {
    file.broken.iter().flat_map(|it| it.tests.iter().map(|test| (test.as_str(), it.recording.as_str())))
}

fn write_suite(xml: &mut String, name: &str, file: &RanFile, mistakes: &[String]) {
    let failed = file.tests.iter().filter(|test| !test.failures.is_empty()).count();
    let (skipped, errors, name) = (not_run(file).count(), mistakes.len(), escaped(name));
    let tests = file.tests.len() + errors + skipped;
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"0\">"
    );
    for test in &file.tests {
        let (title, check) = (escaped(&test.name), escaped(&test.check));
        let _ = write!(xml, "    <testcase name=\"{title}\" classname=\"{check}\" time=\"0\"");
        if test.failures.is_empty() {
            xml.push_str("/>\n");
            continue;
        }
        let (message, log) = (escaped(&test.failures.join("; ")), escaped(&test.log.join("\n")));
        let _ = writeln!(xml, ">\n      <failure message=\"{message}\">{log}</failure>\n    </testcase>");
    }
    for (test, recording) in not_run(file) {
        let (test, message) = (escaped(test), escaped(&format!("{recording} has mistakes")));
        let _ = writeln!(xml, "    <testcase name=\"{test}\" classname=\"{name}\" time=\"0\">");
        let _ = writeln!(xml, "      <skipped message=\"{message}\"/>\n    </testcase>");
    }
    for mistake in mistakes {
        let message = escaped(mistake);
        let _ = writeln!(xml, "    <testcase name=\"{message}\" classname=\"{name}\" time=\"0\">");
        let _ = writeln!(xml, "      <error message=\"{message}\"/>\n    </testcase>");
    }
    xml.push_str("  </testsuite>\n");
}

/// A text for XML. What XML cannot carry becomes a blank.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            c if is_carried_by_xml(c) => escaped.push(c),
            _ => escaped.push(' '),
        }
    }
    escaped
}
