//! Runs the stories, one after the other, and prints them.
//!
//! Each story delivers a check as Azure Pipelines does, and shows the log that people see on the run's page.

use std::io;
use std::time::Duration;

use checkgate::decision_record::DecisionRecord;
use simulator::azure_devops::CheckIds;
use simulator::azure_pipelines::{Delivered, HEADERS, deliver_with, expand};
use simulator::pipeline_log;
use tokio::time::{interval, timeout};

use crate::checks::Checks;
use crate::paint;
use crate::stories::{STORIES, Story, Worlds};
use crate::world::World;

/// How many times faster the clock of the stories runs: a minute takes a second.
const SPEED: f64 = 60.0;

/// How long each wait of a story may take in real time. The story then goes on without what it waited for.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs all stories. `false` when one did not end with the expected decision.
pub(crate) async fn run_all(checks: &Checks) -> io::Result<bool> {
    let world = World::start(checks, SPEED).await?;
    paint::headline("checkgate demo");
    paint::line(&format!("Azure DevOps (simulated)    {}", world.azure_devops.url()));
    paint::line(&format!("Functions host (simulated)  {}", world.function().url));
    paint::line(&format!("The clock runs {SPEED} times as fast as real time."));
    let mut ends = Vec::new();
    for (index, story) in STORIES.iter().enumerate() {
        paint::headline(&format!("{}. {}", index + 1, story.title));
        ends.push((story, story.run(&world).await));
    }
    paint::headline("Summary");
    for (story, decision) in &ends {
        let is_right = decision.as_deref() == Some(story.ends);
        paint::verdict(is_right, story.title, decision.as_deref().unwrap_or("no decision"));
    }
    let right = ends.iter().filter(|(story, decision)| decision.as_deref() == Some(story.ends)).count();
    paint::line(&format!("{right} of {} stories ended as expected.", ends.len()));
    let verified = verified(&world, ends.len()).await;
    paint::line(&format!("{verified} decisions follow from the facts in their records."));
    world.stop().await?;
    Ok(right == ends.len() && verified == ends.len())
}

/// How many decisions follow from the facts in their records, once so many are in the handler's log.
async fn verified(world: &World, expected: usize) -> usize {
    let records = || -> Vec<DecisionRecord> {
        world.host.output().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let written = async {
        let mut look = interval(Duration::from_millis(20));
        while records().len() < expected {
            look.tick().await;
        }
    };
    let _ = timeout(WAIT_TIMEOUT, written).await;
    records().iter().filter(|record| record.verify(None).is_ok()).count()
}

impl Story {
    /// Runs the story. Returns the decision, if there was one in time.
    async fn run(&self, world: &World) -> Option<String> {
        let run = world.azure_devops.with(|state| state.run().id);
        change(world, run, self.given);
        let ids = world.azure_devops.with(|state| state.await_check(run));
        let mut headers = expand(HEADERS, &ids, &[]);
        headers.push(("Check".to_owned(), self.check.to_owned()));
        headers.extend(self.input.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let delivered = deliver_with(&world.function(), "", &headers, "").await;
        if let Some(decision) = decided_at_once(&delivered) {
            paint::log(&format!("Response Code: {}\nResponse: {}", delivered.status, delivered.body));
            return Some(decision);
        }
        if let Some(meanwhile) = &self.meanwhile {
            wait_until(world, &ids, |log| log.contains("Not decided yet")).await;
            change(world, run, meanwhile.change);
            paint::happens(meanwhile.happens);
        }
        wait_until(world, &ids, |log| log.contains("Decision: ")).await;
        let decision = timeout(WAIT_TIMEOUT, decision(world, &ids)).await.ok();
        world.azure_devops.with(|state| paint::log(&pipeline_log::render(state, &ids, Some(&delivered))));
        decision
    }
}

fn change(world: &World, run: u64, change: fn(&mut Worlds<'_>)) {
    world
        .azure_devops
        .with(|azure_devops| world.sources.with(|sources| change(&mut Worlds { azure_devops, sources, run })));
}

async fn wait_until(world: &World, ids: &CheckIds, is_reached: impl Fn(&str) -> bool) {
    let reached = async {
        let mut look = interval(Duration::from_millis(20));
        while !world.azure_devops.with(|state| is_reached(&state.log_text(ids))) {
            look.tick().await;
        }
    };
    // After the timeout the story goes on: its decision shows what is wrong.
    let _ = timeout(WAIT_TIMEOUT, reached).await;
}

async fn decision(world: &World, ids: &CheckIds) -> String {
    let mut look = interval(Duration::from_millis(20));
    loop {
        if let Some(decision) = world.azure_devops.with(|state| state.decision(ids)) {
            return decision;
        }
        look.tick().await;
    }
}

/// The decision in the response of a synchronous check.
fn decided_at_once(delivered: &Delivered) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(&delivered.body).ok()?;
    let status = body.get("status")?.as_str()?;
    matches!(status, "successful" | "failed" | "pending").then(|| status.to_owned())
}
