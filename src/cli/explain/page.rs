//! When a condition of each kind passes, fails and waits, as `docs/checks.md` says it. The executable carries that page, so
//! that both say the same.

/// The page.
const CHECKS: &str = include_str!("../../../docs/checks.md");

/// The sentences of the page about a kind of condition, without Markdown: when it passes, fails and waits.
pub(super) fn sentences(kind: &str) -> Vec<String> {
    let section = CHECKS.split("\n## ").find_map(|section| section.strip_prefix(kind)?.strip_prefix('\n'));
    let mut sentences: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in section.unwrap_or_default().lines() {
        match line.strip_prefix("* **") {
            Some(item) => {
                is_inside = ["Passes", "Fails", "Waits"].iter().any(|word| item.starts_with(&format!("{word}**")));
                sentences.extend(is_inside.then(|| format!("**{item}")));
            }
            None if is_inside && line.starts_with("  ") => {
                let last = sentences.last_mut();
                last.into_iter().for_each(|last| last.extend([" ", line.trim()]));
            }
            None => is_inside = false,
        }
    }
    sentences.iter().map(|sentence| plain(sentence)).collect()
}

/// A text without the marks of Markdown for emphasis and links. In code, asterisks stand for themselves.
fn plain(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(index, part)| if index % 2 == 0 { part.replace("**", "") } else { part.to_owned() });
    let mut text = parts.collect::<Vec<_>>().join("`");
    while let Some((before, (label, after))) = text.split_once('[').and_then(|(before, rest)| {
        let (label, rest) = rest.split_once("](")?;
        Some((before.to_owned(), (label.to_owned(), rest.split_once(')')?.1.to_owned())))
    }) {
        text = format!("{before}{label}{after}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::{Kind, WhenNotMet};

    #[test]
    fn the_page_says_of_every_kind_when_it_passes_and_when_it_does_not() {
        let combinators = ["all", "any", "not", "atLeast"];
        for kind in Kind::NAMES.iter().filter(|kind| !combinators.contains(kind)) {
            let sentences = sentences(kind);
            assert!(sentences.first().is_some_and(|first| first.starts_with("Passes ")), "{kind}: {sentences:?}");
            assert!(sentences.iter().any(|it| it.starts_with("Fails ") || it.starts_with("Waits ")), "{kind}");
            for sentence in &sentences {
                let is_plain = sentence.split('`').step_by(2).all(|words| !words.contains("**"));
                assert!(sentence.ends_with(['.', '…']) && is_plain, "{kind}: {sentence}");
            }
        }
    }

    #[test]
    fn what_is_not_met_has_the_consequence_that_the_page_names() {
        for (kind, condition) in [
            ("taskExecuted", "task: CmdLine"),
            ("workItems", "state: Completed"),
            ("codeCoverage", "above: 80"),
            ("testResults", "maxFailed: 0"),
            ("branch", "in: [refs/heads/main]"),
            ("pullRequest", "approvals: 1"),
            ("artifact", "name: sbom"),
            ("tag", "in: [go]"),
            ("query", "wiql: SELECT, max: 0"),
            ("window", "days: [Mon]"),
        ] {
            let file = format!("checks: {{ c: {{ conditions: [ {kind}: {{ {condition} }} ] }} }}");
            let file = crate::checks_file::ChecksFile::parse(&file).unwrap_or_else(|problems| panic!("{problems:?}"));
            let word = match file.checks["c"].conditions[0].kind.when_not_met() {
                WhenNotMet::Fail => "Fails ",
                WhenNotMet::Wait => "Waits ",
            };
            assert!(sentences(kind).iter().any(|sentence| sentence.starts_with(word)), "{kind} has no sentence {word}");
        }
    }

    #[test]
    fn marks_for_emphasis_and_links_are_left_out() {
        assert_eq!(plain("**Passes** as in [`branch`](#branch), [x] too."), "Passes as in `branch`, [x] too.");
    }

    #[test]
    fn what_stands_in_code_stays_as_it_is() {
        assert_eq!(plain("**Passes** with `**` between **two** `a/**`."), "Passes with `**` between two `a/**`.");
        assert!(sentences("branch")[0].contains("`**` between slashes does."), "{:?}", sentences("branch"));
    }
}
