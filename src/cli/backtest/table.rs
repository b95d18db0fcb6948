//! The runs of a backtest, as a table.

use std::fmt::Write as _;

use super::judging::{Judged, Opinion};
use crate::decision_record::Decided;
use crate::text::{count, cut, one_line};

/// The longest reason in the table.
const MAX_WHY: usize = 100;

const fn word(decided: Decided) -> &'static str {
    match decided {
        Decided::Succeeded => "passed",
        Decided::Failed => "failed",
        Decided::Waiting => "waiting",
        Decided::Unknown => "unknown",
    }
}

/// One line for each run, and the totals. With two policies, only the runs on which they differ.
pub(super) fn table(judged: &[Judged], compares: bool) -> String {
    let branch = |it: &Judged| cut(it.run.source_branch.trim_start_matches("refs/heads/"), 24);
    let mut text = format!("{:<9} {:<24} {:<10} {:<10}", "run", "branch", "then", "would be");
    text.push_str(if compares { " other      why\n" } else { " why\n" });
    for it in judged.iter().filter(|it| !compares || it.differs()) {
        let then = it.gate.as_ref().and_then(|gate| gate.result.as_deref()).unwrap_or("-");
        let own = would_be(&it.own, it);
        let _ = write!(text, "#{:<8} {:<24} {:<10} {own:<10}", it.run.id, one_line(&branch(it)), one_line(then));
        let shown = match &it.other {
            Some(other) if compares => {
                let _ = write!(text, " {:<10}", would_be(other, it));
                if other.why.is_empty() { &it.own.why } else { &other.why }
            }
            _ => &it.own.why,
        };
        let _ = writeln!(text, " {}", cut(&one_line(shown), MAX_WHY));
    }
    text.push_str(&totals(judged, compares));
    text
}

/// The decision, and how long it would have taken.
fn would_be(opinion: &Opinion, judged: &Judged) -> String {
    let begun = judged.gate.as_ref().map(|gate| gate.start_time);
    let waited = opinion.at.zip(begun).map(|(at, begun)| (at - begun).num_minutes()).filter(|minutes| *minutes > 0);
    let waited = waited.map_or_else(String::new, |minutes| format!(" +{minutes}m"));
    format!("{}{waited}", word(opinion.decided))
}

fn totals(judged: &[Judged], compares: bool) -> String {
    let of = |decided: Decided| judged.iter().filter(|it| it.own.decided == decided).count();
    let mut parts = vec![count(judged.len(), "run")];
    for decided in [Decided::Succeeded, Decided::Failed, Decided::Waiting, Decided::Unknown] {
        parts.push(format!("{} {}", of(decided), word(decided)));
    }
    let unread = judged.iter().filter(|it| it.is_unread()).count();
    if unread > 0 {
        parts.push(format!("{unread} could not be read"));
    }
    if compares {
        let differing = judged.iter().filter(|it| it.differs());
        let stricter = differing.clone().filter(|it| it.own.decided == Decided::Succeeded).count();
        parts.push(format!("{} decided differently, {stricter} of them more strictly", differing.count()));
    }
    format!("{}.", parts.join(", "))
}
