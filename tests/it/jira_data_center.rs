//! Checks that ask a Jira that an organization hosts itself.

use serde_json::json;
use simulator::azure_devops::State;
use simulator::faults::Fault;
use simulator::sources::Sources;

use crate::jira_issues::{RECIPE, evaluate, reachable, with_commits};
use crate::mutations;
use crate::support::{World, minutes};

const JQL: &str = "project = WEB AND fixVersion = 1.2";

/// The recipe for Data Center, with its personal access token.
fn hosted(sources: &Sources) -> String {
    let text = reachable(sources).replace("Basic secret-of-JIRA_BASIC", "Bearer secret-of-JIRA_TOKEN");
    let changed = text.replace("connection: jira,", "connection: jira, deployment: dataCenter,");
    assert!(changed.contains("deployment: dataCenter") && changed.contains("Bearer"), "{changed}");
    changed
}

/// The same, with a search.
fn searching(sources: &Sources) -> String {
    let members = hosted(sources).replace("projects: [WEB]", &format!("jql: '{JQL}'"));
    assert!(members.contains(JQL), "{members}");
    members
}

fn authorize(sources: &Sources) {
    sources.with(|state| "Bearer secret-of-JIRA_TOKEN".clone_into(&mut state.jira.authorization));
}

async fn world_with(file: impl Fn(&Sources) -> String, messages: &[&str], issues: &[(&str, &str)]) -> World {
    let world = World::with_sources(file).await;
    let run = world.run;
    world.azure_devops(|state| with_commits(state, run, messages));
    authorize(world.sources());
    world.sources().with(|state| issues.iter().for_each(|(key, status)| state.jira.issue(key, status)));
    world
}

async fn world(messages: &[&str], issues: &[(&str, &str)]) -> World {
    world_with(hosted, messages, issues).await
}

/// A world whose search finds so many issues, of which the last has this status.
async fn found(count: usize, last: &str) -> World {
    let world = world_with(searching, &[], &[]).await;
    world.sources().with(|state| {
        let keys: Vec<String> = (1..=count).map(|number| format!("WEB-{number}")).collect();
        keys.iter().for_each(|key| state.jira.issue(key, "Done"));
        keys.last().into_iter().for_each(|key| state.jira.issue(key, last));
        state.jira.searches.insert(JQL.to_owned(), keys);
    });
    world
}

fn page(from: usize, total: usize, keys: &[&str]) -> String {
    let status = json!({ "name": "Done", "statusCategory": { "key": "done" } });
    let issue = |key: &&str| json!({ "key": key, "fields": { "summary": "It", "status": status } });
    let issues: Vec<_> = keys.iter().map(issue).collect();
    json!({ "startAt": from, "maxResults": 100, "total": total, "issues": issues }).to_string()
}

#[tokio::test]
async fn all_issues_that_the_commits_name_must_be_done_there() {
    let messages = ["WEB-1: Add a button", "Use UTF-8 (web-2)", "Merge branch 'OPS-3'"];
    let mut open = world(&messages, &[("WEB-1", "Done"), ("WEB-2", "In Progress"), ("WEB-9", "To Do")]).await;
    evaluate(&mut open).await;
    open.expect_no_decision();
    open.expect_log("1 of 2 are not: WEB-2 \"About WEB-2\" is In Progress");
    assert!(!open.log().contains("secret-of-"));
    open.sources().with(|state| state.jira.issue("WEB-2", "Done"));
    open.advance(minutes(1)).await;
    open.expect_decision("succeeded");
    open.expect_log("all 2 are: WEB-1, WEB-2");
}

#[tokio::test]
async fn commits_of_another_run_do_not_count_there() {
    let mut none = world(&["OPS-3: of another project"], &[("WEB-1", "Done")]).await;
    none.azure_devops(|state| {
        let other = state.run().id;
        with_commits(state, other, &["WEB-1"]);
    });
    evaluate(&mut none).await;
    none.expect_no_decision();
    none.expect_log("none of the run's 1 commits names an issue of WEB");
    assert!(none.sources().calls().is_empty());
    none.still_waits();
}

#[tokio::test]
async fn an_issue_that_is_not_shown_there_is_an_error_and_one_that_was_moved_is_found() {
    let mut hidden = world(&["WEB-1 WEB-2"], &[("WEB-1", "Done")]).await;
    evaluate(&mut hidden).await;
    hidden.expect_no_decision();
    hidden.expect_log("does not show the issue WEB-2: it does not exist, was deleted");
    hidden.still_waits();

    let mut moved = world(&["WEB-1 WEB-2"], &[("WEB-1", "Done"), ("OPS-7", "Done")]).await;
    moved.sources().with(|state| state.jira.moved.insert("WEB-2".to_owned(), "OPS-7".to_owned()));
    evaluate(&mut moved).await;
    moved.expect_decision("succeeded");
}

#[tokio::test]
async fn a_search_there_is_read_to_its_last_page() {
    for (last, decides) in [("Done", true), ("To Do", false)] {
        let mut world = found(120, last).await;
        evaluate(&mut world).await;
        assert_eq!(world.sources().calls().len(), 2);
        if decides {
            world.expect_decision("succeeded");
        } else {
            world.expect_no_decision();
            world.expect_log("1 of 120 are not: WEB-120");
            world.still_waits();
        }
    }
    let mut many = found(1_001, "Done").await;
    evaluate(&mut many).await;
    many.expect_no_decision();
    many.expect_log("finds more than 1000 issues; narrow the search");
    many.still_waits();
}

#[tokio::test]
async fn a_search_there_that_finds_nothing_passes_only_where_that_is_allowed() {
    let mut none = found(0, "Done").await;
    evaluate(&mut none).await;
    none.expect_no_decision();
    none.expect_log("the search finds no issue");
    none.still_waits();

    let allowing = |sources: &Sources| searching(sources).replace("statusCategory", "allowNone: true, statusCategory");
    let mut allowed = world_with(allowing, &[], &[]).await;
    allowed.sources().with(|state| state.jira.searches.insert(JQL.to_owned(), Vec::new()));
    evaluate(&mut allowed).await;
    allowed.expect_decision("succeeded");
}

#[tokio::test]
async fn pages_that_do_not_fit_together_do_not_pass() {
    for (what, pages) in [
        ("an issue is listed twice, so another is missing", [page(0, 2, &["WEB-1"]), page(1, 2, &["WEB-1"])]),
        ("the number has changed", [page(0, 2, &["WEB-1"]), page(1, 1, &[])]),
        ("a page is missing", [page(0, 2, &["WEB-1"]), page(1, 2, &[])]),
        ("the same page comes again", [page(0, 3, &["WEB-1"]), page(0, 3, &["WEB-1"])]),
        ("more are listed than there are", [page(0, 1, &["WEB-1", "WEB-2"]), page(0, 1, &[])]),
    ] {
        let mut world = found(2, "Done").await;
        for page in &pages {
            world.sources().fail(Fault::answer(200, "application/json", page)).once();
        }
        evaluate(&mut world).await;
        world.expect_no_decision();
        world.expect_log("does not answer pages that fit together: the issues changed meanwhile");
        world.still_waits();
        world.sources().heal();
        world.advance(minutes(1)).await;
        println!("{what}");
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn without_a_good_answer_from_there_the_check_waits() {
    let mut refused = world(&["WEB-1"], &[("WEB-1", "Done")]).await;
    refused.sources().with(|state| "another".clone_into(&mut state.jira.authorization));
    evaluate(&mut refused).await;
    refused.expect_no_decision();
    refused.expect_log("answered 401 Unauthorized for an issue; check the connection's credentials");
    refused.still_waits();

    let mut wrong = world_with(searching, &[], &[]).await;
    evaluate(&mut wrong).await;
    wrong.expect_no_decision();
    wrong.expect_log("answered 400 Bad Request for the search");
    wrong.still_waits();

    let mut busy = world(&["WEB-1"], &[("WEB-1", "Done")]).await;
    busy.expect_that_a_wait_is_granted(RECIPE, ("POST", "/jira/")).await;
}

#[tokio::test]
async fn no_mutated_answer_from_there_passes() {
    let given = |state: &mut State, run: u64| with_commits(state, run, &["WEB-1", "WEB-2"]);
    let issues = |sources: &Sources| {
        authorize(sources);
        sources.with(|state| {
            state.jira.issue("WEB-1", "Done");
            state.jira.issue("WEB-2", "In Progress");
            state.jira.searches.insert(JQL.to_owned(), vec!["WEB-1".to_owned(), "WEB-2".to_owned()]);
        });
    };
    for file in [hosted, searching] {
        let world = mutations::World::around_file(RECIPE, file, given, issues).await;
        world.never_passes("/api/2/search", |_| {}, &[]).await;
    }
}
