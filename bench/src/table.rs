//! The table that people read.

use std::fmt::Write as _;

use crate::figures::{CONNECTIONS, Memory, Round};
use crate::handler::Handler;

/// A row: what it shows, and the cell of each handler.
type Row = (String, Vec<String>);

/// The table in Markdown. The first handler is the floor, against which the rates are compared.
pub(crate) fn table(measured: &[(&Handler, Round)]) -> String {
    let mut rows: Vec<Row> = vec![(String::new(), measured.iter().map(|(it, _)| it.name().to_owned()).collect())];
    for (at, connections) in CONNECTIONS.iter().enumerate() {
        let rate = |round: &Round| round.deliveries[at].per_second;
        let plural = if *connections == 1 { "connection" } else { "connections" };
        rows.push((format!("deliveries/s, {connections} {plural} (of the floor)"), rates(measured, &rate)));
    }
    let cells = |cell: &dyn Fn(&Handler, &Round) -> String| -> Vec<String> {
        measured.iter().map(|(handler, round)| cell(handler, round)).collect()
    };
    let per_delivery = cells(&|_, round| format!("{:.0} µs", round.deliveries[1].microseconds));
    rows.push(("CPU per delivery, 8 connections".to_owned(), per_delivery));
    let decisions = rates(measured, &|round| round.decisions.per_second);
    rows.push(("decisions/s, 8 connections (of the floor)".to_owned(), decisions));
    let per_decision = cells(&|_, round| format!("{:.0} µs", round.decisions.microseconds));
    rows.push(("CPU per decision, 8 connections".to_owned(), per_decision));
    let calls = cells(&|_, round| format!("{:.0}", round.calls));
    rows.push(("calls of Azure DevOps per decision".to_owned(), calls));
    let starts = cells(&|_, round| format!("{:.1} / {:.1} ms", round.warm_start, round.cold_start));
    rows.push(("start to first answer, warm / file evicted".to_owned(), starts));
    let memory =
        |of: &dyn Fn(Memory) -> f64| cells(&|_, round| format!("{:.1} / {:.1} MiB", of(round.idle), of(round.loaded)));
    rows.push(("resident, idle / after 64 connections".to_owned(), memory(&|it| it.all)));
    rows.push(("of it not pages of the executable".to_owned(), memory(&|it| it.own)));
    let sizes = cells(&|handler, _| handler.sizes().map_or_else(String::new, |(size, packed)| sizes_of(size, packed)));
    rows.push(("executable, and packed".to_owned(), sizes));
    markdown(&rows)
}

fn sizes_of(size: u64, packed: u64) -> String {
    let mebibytes = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
    format!("{:.1} / {:.1} MiB", mebibytes(size), mebibytes(packed))
}

fn rates(measured: &[(&Handler, Round)], rate: &dyn Fn(&Round) -> f64) -> Vec<String> {
    let floor = measured.first().map_or(1.0, |(_, round)| rate(round));
    measured.iter().map(|(_, round)| format!("{:.0} ({:.2})", rate(round), rate(round) / floor)).collect()
}

fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    for (number, (name, cells)) in rows.iter().enumerate() {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        if number == 0 {
            let _ = writeln!(text, "|---|{}", "---|".repeat(cells.len()));
        }
    }
    text
}
