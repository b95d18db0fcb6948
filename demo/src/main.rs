//! `cargo demo`: checks from delivery to decision on one machine.
//!
//! It simulates Azure DevOps, the storage account and the Functions host on free ports. The host starts the real handler
//! as its own process. Each story delivers a check as Azure Pipelines does, and shows the log that people see on the
//! run's page. The exit code is 0 only if every story ends with the expected decision.

mod paint;
mod stories;
mod world;

use std::io;
use std::process::ExitCode;

use stories::STORIES;
use world::World;

fn main() -> ExitCode {
    // The simulated host starts this program again as the handler: the same code as the deployed executable.
    if checkgate::config::environment("FUNCTIONS_CUSTOMHANDLER_PORT").is_some() {
        return checkgate::cli::run();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(run_stories())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            paint::line(&format!("the demo could not run: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs all stories. `false` when one did not end with the expected decision.
async fn run_stories() -> io::Result<bool> {
    let world = World::start().await?;
    paint::headline("checkgate demo");
    paint::line(&format!("Azure DevOps (simulated)    {}", world.azure_devops.url()));
    paint::line(&format!("Functions host (simulated)  {}", world.host.function_url("CheckFunction")));
    let mut ends = Vec::new();
    for (index, story) in STORIES.iter().enumerate() {
        paint::headline(&format!("{}. {}", index + 1, story.title));
        ends.push((story, world.run(story).await));
    }
    paint::headline("Summary");
    for (story, decision) in &ends {
        let is_right = decision.as_deref() == Some(story.ends);
        paint::verdict(is_right, story.title, decision.as_deref().unwrap_or("no decision"));
    }
    let right = ends.iter().filter(|(story, decision)| decision.as_deref() == Some(story.ends)).count();
    paint::line(&format!("{right} of {} stories ended as expected.", ends.len()));
    world.stop().await;
    Ok(right == ends.len())
}
