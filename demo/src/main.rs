//! `cargo demo`: checks from delivery to decision on one machine.
//!
//! It starts a simulated Azure DevOps, storage account and Functions host on free ports; the host starts the real handler
//! as a process of its own. Then each story delivers a check as Azure Pipelines does, and shows the log that a person
//! sees on the run's page. The exit code is 0 only if every story ended as it must.

mod paint;
mod stories;
mod world;

use std::io;
use std::process::ExitCode;

use stories::STORIES;
use world::World;

fn main() -> ExitCode {
    // Started by the simulated host, this program is the handler: the same code as the deployed executable.
    if checkgate::config::environment("FUNCTIONS_CUSTOMHANDLER_PORT").is_some() {
        return checkgate::cli::run();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(tell())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            paint::line(&format!("the demo could not run: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Tells all stories. `false` when one did not end as it must.
async fn tell() -> io::Result<bool> {
    let world = World::start().await?;
    paint::headline("checkgate demo");
    paint::line(&format!("Azure DevOps (simulated)    {}", world.azure_devops.url()));
    paint::line(&format!("Functions host (simulated)  {}", world.host.function_url("CheckFunction")));
    let mut ends = Vec::new();
    for (index, story) in STORIES.iter().enumerate() {
        paint::headline(&format!("{}. {}", index + 1, story.title));
        ends.push((story, world.tell(story).await));
    }
    paint::headline("Summary");
    for (story, decision) in &ends {
        let is_right = decision.as_deref() == Some(story.ends);
        paint::verdict(is_right, story.title, decision.as_deref().unwrap_or("no decision"));
    }
    let right = ends.iter().filter(|(story, decision)| decision.as_deref() == Some(story.ends)).count();
    paint::line(&format!("{right} of {} stories ended as they must.", ends.len()));
    world.stop().await;
    Ok(right == ends.len())
}
