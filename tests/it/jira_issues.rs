//! Checks that ask Jira for the issues of the run.

use simulator::azure_devops::{Change, State};
use simulator::faults::Fault;
use simulator::sources::Sources;

use crate::mutations;
use crate::recipes::reachable_at;
use crate::support::{World, a_check, minutes};

pub(crate) const RECIPE: &str = "jira-issues";

pub(crate) fn reachable(sources: &Sources) -> String {
    reachable_at(RECIPE, &sources.url("jira"))
}

pub(crate) fn with_commits(state: &mut State, run: u64, messages: &[&str]) {
    let now = state.clock.now();
    let change = |(number, message): (usize, &&str)| Change {
        id: format!("{number:040x}"),
        message: (*message).to_owned(),
        author: "Johnnie McLeod".to_owned(),
        timestamp: now,
    };
    state.runs.get_mut(&run).expect("the run").changes = messages.iter().enumerate().map(change).collect();
}

fn authorize(sources: &Sources) {
    sources.with(|state| "Basic secret-of-JIRA_BASIC".clone_into(&mut state.jira.authorization));
}

/// A world with the recipe, changed by `change`; the messages of the run's commits; and the issues of Jira.
async fn world_with(change: impl Fn(String) -> String, messages: &[&str], issues: &[(&str, &str)]) -> World {
    let world = World::with_sources(|sources| change(reachable(sources))).await;
    let run = world.run;
    world.azure_devops(|state| with_commits(state, run, messages));
    authorize(world.sources());
    world.sources().with(|state| issues.iter().for_each(|(key, status)| state.jira.issue(key, status)));
    world
}

async fn world(messages: &[&str], issues: &[(&str, &str)]) -> World {
    world_with(|text| text, messages, issues).await
}

pub(crate) async fn evaluate(world: &mut World) {
    world.accept(a_check().named(RECIPE)).await;
    world.run_due_messages().await;
}

/// The recipe with other members of the condition behind the connection.
fn instead(members: &'static str) -> impl Fn(String) -> String {
    move |text| {
        let (before, _) = text.split_once("connection: jira,").expect("the condition");
        format!("{before}connection: jira, {members} }}\n")
    }
}

#[tokio::test]
async fn all_issues_that_the_commits_name_must_be_done() {
    let messages = ["WEB-1: Add a button", "Use UTF-8 (web-2)", "Merge branch 'OPS-3'"];
    let mut done = world(&messages, &[("WEB-1", "Done"), ("WEB-2", "Done"), ("WEB-9", "In Progress")]).await;
    evaluate(&mut done).await;
    done.expect_decision("succeeded");
    done.expect_log("all 2 are: WEB-1, WEB-2");
    assert!(!done.log().contains("secret-of-"));

    let mut open = world(&messages, &[("WEB-1", "Done"), ("WEB-2", "In Progress")]).await;
    evaluate(&mut open).await;
    open.expect_no_decision();
    open.expect_log("1 of 2 are not: WEB-2 \"About WEB-2\" is In Progress");
    open.sources().with(|state| state.jira.issue("WEB-2", "Done"));
    open.advance(minutes(1)).await;
    open.expect_decision("succeeded");
}

#[tokio::test]
async fn commits_that_name_no_issue_pass_only_where_that_is_allowed() {
    for messages in [&[][..], &["Fix a typo"], &["OPS-3: of another project"]] {
        let mut world = world(messages, &[("WEB-1", "Done")]).await;
        evaluate(&mut world).await;
        world.expect_no_decision();
        let commits = match messages.len() {
            0 => "commits (none is new since its pipeline last succeeded)".to_owned(),
            count => format!("{count} commits"),
        };
        world.expect_log(&format!("none of the run's {commits} names an issue of WEB"));
        assert!(world.sources().calls().is_empty());
        world.still_waits();
        let allowing = instead("projects: [WEB], statusCategory: Done, allowNone: true");
        let mut world = world_with(allowing, messages, &[]).await;
        evaluate(&mut world).await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn an_issue_that_jira_does_not_show_is_an_error_and_one_that_was_moved_is_found() {
    let mut hidden = world(&["WEB-1 WEB-2"], &[("WEB-1", "Done")]).await;
    evaluate(&mut hidden).await;
    hidden.expect_no_decision();
    hidden.expect_log(
        "does not show the issue WEB-2: it does not exist, was deleted, or the connection's user may not see it",
    );
    hidden.still_waits();

    for (status, decides) in [("Done", true), ("To Do", false)] {
        let mut moved = world(&["WEB-1 WEB-2"], &[("WEB-1", "Done"), ("OPS-7", status)]).await;
        moved.sources().with(|state| state.jira.moved.insert("WEB-2".to_owned(), "OPS-7".to_owned()));
        evaluate(&mut moved).await;
        if decides {
            moved.expect_decision("succeeded");
        } else {
            moved.expect_no_decision();
            moved.expect_log("OPS-7 \"About OPS-7\" is To Do");
            moved.still_waits();
        }
    }
}

#[tokio::test]
async fn an_issue_that_commits_name_by_both_of_its_keys_counts_once() {
    let both = instead("projects: [WEB, OPS], statusCategory: Done");
    let mut world = world_with(both, &["WEB-2", "OPS-7, and WEB-1"], &[("WEB-1", "Done"), ("OPS-7", "Done")]).await;
    world.sources().with(|state| state.jira.moved.insert("WEB-2".to_owned(), "OPS-7".to_owned()));
    evaluate(&mut world).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_search_of_nobody_that_finds_nothing_does_not_pass() {
    for deployment in ["cloud", "dataCenter"] {
        let members = format!("deployment: {deployment}, jql: a, statusCategory: Done, allowNone: true");
        let change = |text: String| {
            let (before, _) = text.split_once("connection: jira,").expect("the condition");
            format!("{before}connection: jira, {members} }}\n")
        };
        let mut world = world_with(change, &[], &[("WEB-1", "To Do")]).await;
        world.sources().with(|state| {
            state.jira.searches.insert("a".to_owned(), Vec::new());
            "Basic of-another-token".clone_into(&mut state.jira.authorization);
        });
        evaluate(&mut world).await;
        world.expect_no_decision();
        world.expect_log("answered 401 Unauthorized for the connection's user");
        authorize(world.sources());
        world.advance(minutes(1)).await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn a_message_that_is_cut_off_is_read_whole() {
    let long = format!("WEB-1: {}\n\nWEB-2", "and so on ".repeat(40));
    let mut world = world(&[&long], &[("WEB-1", "Done"), ("WEB-2", "To Do")]).await;
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("WEB-2 \"About WEB-2\" is To Do");
    let run = world.run;
    world.azure_devops(|state| "GitHub".clone_into(&mut state.runs.get_mut(&run).expect("it").repository_type));
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("Azure DevOps gives only the beginning of the message of commit");
    world.still_waits();
}

#[tokio::test]
async fn more_commits_than_are_listed_are_an_error() {
    let mut world = world(&["WEB-1"; 200], &[("WEB-1", "Done")]).await;
    evaluate(&mut world).await;
    world.expect_no_decision();
    world.expect_log("it has 200 or more, and not all of them are listed");
    world.still_waits();
}

#[tokio::test]
async fn the_name_of_the_branch_may_name_the_issue() {
    for (branch, decides) in
        [("refs/heads/feature/WEB-1-button", true), ("refs/heads/feature/web-2", false), ("refs/heads/main", false)]
    {
        let members = "source: branch, projects: [WEB], statuses: [Done, Released]";
        let mut world = world_with(instead(members), &[], &[("WEB-1", "Released"), ("WEB-2", "In Progress")]).await;
        let run = world.run;
        world.azure_devops(|state| branch.clone_into(&mut state.runs.get_mut(&run).expect("it").source_branch));
        evaluate(&mut world).await;
        if decides {
            world.expect_decision("succeeded");
        } else {
            world.expect_no_decision();
            world.still_waits();
        }
    }
}

#[tokio::test]
async fn a_search_is_read_to_its_last_page() {
    const JQL: &str = "project = WEB AND fixVersion = 1.2";
    for (status, decides) in [("Done", true), ("To Do", false)] {
        let members = "jql: 'project = WEB AND fixVersion = 1.2', statusCategory: Done";
        let mut world = world_with(instead(members), &[], &[]).await;
        world.sources().with(|state| {
            let keys: Vec<String> = (1..=120).map(|number| format!("WEB-{number}")).collect();
            keys.iter().for_each(|key| state.jira.issue(key, "Done"));
            state.jira.issue("WEB-120", status);
            state.jira.searches.insert(JQL.to_owned(), keys);
        });
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
    let mut cut = world_with(instead("jql: a, statusCategory: Done"), &[], &[("WEB-1", "Done")]).await;
    cut.sources().with(|state| state.jira.searches.insert("a".to_owned(), vec!["WEB-1".to_owned()]));
    cut.sources().fail(Fault::answer(200, "application/json", r#"{"issues":[],"isLast":false}"#)).once();
    evaluate(&mut cut).await;
    cut.expect_no_decision();
    cut.expect_log("answered one page, and does not say where the next is");
    cut.still_waits();
    let mut refused = world_with(instead("jql: 'projct = WEB', statusCategory: Done"), &[], &[]).await;
    evaluate(&mut refused).await;
    refused.expect_no_decision();
    refused.expect_log("answered 400 Bad Request for the search: Error in the JQL Query.; the request itself is wrong");
    refused.still_waits();
}

#[tokio::test]
async fn without_a_good_answer_the_check_waits() {
    let mut refused = world(&["WEB-1"], &[("WEB-1", "Done")]).await;
    refused.sources().with(|state| "another".clone_into(&mut state.jira.authorization));
    evaluate(&mut refused).await;
    refused.expect_no_decision();
    refused.expect_log("answered 401 Unauthorized for the issues; check the connection's credentials");
    refused.still_waits();

    let mut busy = world(&["WEB-1"], &[("WEB-1", "Done")]).await;
    busy.expect_that_a_wait_is_granted(RECIPE, ("POST", "/jira/")).await;
}

#[tokio::test]
async fn no_mutated_answer_passes() {
    let long = format!("{} WEB-2", "and so on ".repeat(40));
    let given = |state: &mut State, run: u64| with_commits(state, run, &["WEB-1", &long]);
    let issues = |sources: &Sources| {
        authorize(sources);
        sources.with(|state| {
            state.jira.issue("WEB-1", "Done");
            state.jira.issue("WEB-2", "In Progress");
            state.jira.searches.insert("a".to_owned(), vec!["WEB-1".to_owned(), "WEB-2".to_owned()]);
        });
    };
    let world = mutations::World::around_file(RECIPE, reachable, given, issues).await;
    world.never_passes("/issue/bulkfetch", |_| {}, &[]).await;
    let cut = "Azure DevOps leaves it out where a message is whole, so that nobody notices where it lacks";
    world.never_passes("/changes?", |_| {}, &[("/value/1/messageTruncated", cut)]).await;

    let search = |sources: &Sources| instead("jql: a, statusCategory: Done")(reachable(sources));
    let world = mutations::World::around_file(RECIPE, search, |_, _| {}, issues).await;
    world.never_passes("/search/jql?", |_| {}, &[]).await;
    world.sources.with(|state| state.jira.page = 1);
    world.never_passes("maxResults=100&nextPageToken", |_| {}, &[]).await;
}
