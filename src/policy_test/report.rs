//! How tests went: for people, and as JUnit XML for pipelines.

use std::fmt::Write as _;

use super::RanFile;
use crate::text::{count, is_carried_by_xml, one_line};

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
        self.files.iter().map(|(_, file)| file.problems.len()).sum()
    }
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
        file.problems.iter().for_each(|problem| line(&format!("  cannot run: {name}: {problem}")));
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
    let (tests, failed, problems) = (report.tests() + report.problems(), report.failed(), report.problems());
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"checkgate\" tests=\"{tests}\" failures=\"{failed}\" errors=\"{problems}\" time=\"0\">"
    );
    for (name, file) in &report.files {
        write_suite(&mut xml, name, file);
    }
    xml.push_str("</testsuites>");
    xml
}

fn write_suite(xml: &mut String, name: &str, file: &RanFile) {
    let failed = file.tests.iter().filter(|test| !test.failures.is_empty()).count();
    let (tests, errors, name) = (file.tests.len() + file.problems.len(), file.problems.len(), escaped(name));
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"{errors}\" skipped=\"0\" time=\"0\">"
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
    for problem in &file.problems {
        let message = escaped(&problem.to_string());
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
