//! How many instructions and calls the handler needs, counted by valgrind and the stubs: the same on a busy machine.

use std::path::Path;
use std::{env, fs};

use bench::ids::{RUN_THAT_PASSES, RUN_THAT_WAITS};

use crate::handler::{Handler, Process};
use crate::load;
use crate::stubs::Services;

/// How many requests come before those that count: connections are opened, and tables are filled.
const BEFORE: usize = 20;

/// How many requests count.
const COUNTED: usize = 100;

/// What is sent so many times.
type Send<'a> = dyn Fn(&Process, usize) -> Result<(), String> + 'a;

/// Counts, and returns the lines to print.
pub(crate) fn count(handler: &Handler, services: &Services, root: &Path) -> Result<String, String> {
    let works: [(&str, Box<Send<'_>>); 3] = [
        ("delivery", Box::new(|process, times| load::deliver(process, services, times))),
        ("decision", Box::new(|process, times| load::evaluate(process, services, times, RUN_THAT_PASSES))),
        (
            "first look at a check that waits",
            Box::new(|process, times| load::evaluate(process, services, times, RUN_THAT_WAITS)),
        ),
    ];
    let mut lines = String::new();
    for (name, send) in works {
        let total = |times| total(handler, services, root, &|process: &Process| send(process, times));
        let each = (total(BEFORE + COUNTED)? - total(BEFORE)?) / COUNTED as u64;
        let process = handler.start(&[], services, root)?;
        // The first decision learns what Azure DevOps answers with.
        send(&process, 1)?;
        let before = services.calls();
        send(&process, 1)?;
        let calls = services.calls() - before;
        lines.push_str(&format!("{name}: {each} instructions, {calls} calls of Azure DevOps\n"));
    }
    Ok(lines)
}

/// The instructions of a whole process that does this.
fn total(
    handler: &Handler,
    services: &Services,
    root: &Path,
    work: &dyn Fn(&Process) -> Result<(), String>,
) -> Result<u64, String> {
    let file = env::temp_dir().join(format!("checkgate-bench-{}.callgrind", std::process::id()));
    let out = format!("--callgrind-out-file={}", file.display());
    let mut process = handler.start(&["valgrind", "--tool=callgrind", &out], services, root)?;
    work(&process)?;
    process.interrupt()?;
    let profile = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let _ = fs::remove_file(&file);
    let totals = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    totals.and_then(|total| total.trim().parse().ok()).ok_or_else(|| "valgrind has counted nothing".to_owned())
}
