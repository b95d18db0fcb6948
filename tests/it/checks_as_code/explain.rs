//! `checkgate explain`: what it says of a check is what the check does, and what the page says.

use regex::Regex;
use simulator::sources::Page;

use super::Person;
use crate::support::docs::{CHECKS, page};
use crate::support::{AN_INTERVAL, World, a_check, an_active_work_item};

/// The fewest and the most calls that a sentence names.
type Range = (usize, usize);

/// What `explain` says of a check: the calls of Azure DevOps and of the connection `web` in one evaluation, and the text.
async fn explained(file: &str) -> (Range, Range, String) {
    let path = std::env::temp_dir().join(format!("checkgate-explain-{}.yaml", uuid::Uuid::new_v4()));
    std::fs::write(&path, file).expect("a temporary file");
    let person = Person::new().await;
    let printed = person.run(&["explain", "c", "--file", path.to_str().expect("a plain path")]).await;
    std::fs::remove_file(&path).expect("it was there");
    assert_eq!(printed.code, 0, "{printed:?}");
    let sentence = printed.out.lines().find(|line| line.starts_with("Each ")).expect("a sentence about calls");
    let range = |whom: &str| {
        let pattern = Regex::new(&format!(r"(\d+)(?: to (\d+))? calls? of {whom}")).expect("a pattern");
        let found = pattern.captures(sentence);
        let number = |index| found.as_ref().and_then(|it| it.get(index)).and_then(|it| it.as_str().parse().ok());
        let fewest = number(1).unwrap_or(0);
        (fewest, number(2).unwrap_or(fewest))
    };
    (range("Azure DevOps"), range("connection `web`"), printed.out.clone())
}

/// Checks that wait, each with what `explain` says: the calls of Azure DevOps, and of the connection `web`.
const WAITING: [(&str, Range, Range); 11] = [
    ("workItems: { state: Completed }", (3, 4), (0, 0)),
    ("workItems: { state: Completed, source: run }", (4, 5), (0, 0)),
    ("tag: { in: [go] }", (3, 3), (0, 0)),
    ("{ tag: { in: [go] } }, { tag: { in: [stay] } }", (3, 3), (0, 0)),
    ("{ tag: { in: [go] } }, { artifact: { name: sbom }, whenNotMet: wait }", (4, 4), (0, 0)),
    ("pullRequest: { approvals: 1 }", (3, 23), (0, 0)),
    ("{ tag: { in: [go] } }, { newestRun: {} }", (4, 13), (0, 0)),
    ("codeCoverage: { above: 80 }", (3, 3), (0, 0)),
    ("codeCoverage: { above: 80, maxDrop: 1 }", (4, 5), (0, 0)),
    ("http: { connection: web, path: a, successCondition: response.status == 200 }", (2, 2), (1, 1)),
    (
        "any: [ { http: { connection: web, path: a, successCondition: response.status == 200 } }, { tag: { in: [go] } } ]",
        (3, 3),
        (1, 1),
    ),
];

#[tokio::test]
async fn an_evaluation_makes_as_many_calls_as_explain_says() {
    for (condition, of_azure_devops, of_web) in WAITING {
        let mut file = String::new();
        let mut world = World::with_sources(|sources| {
            file = format!(
                "default: c\nconnections: {{ web: {{ http: {{ url: '{}' }} }} }}\nchecks: {{ c: {{ conditions: [ {condition} ] }} }}\n",
                sources.url("web")
            );
            file.clone()
        })
        .await;
        let page = Page { status: 404, ..Page::ok(serde_json::json!({})) };
        world.sources().with(|state| state.web.insert("a".to_owned(), page));
        let run = world.run;
        world.azure_devops(|state| {
            an_active_work_item(state, run);
            let run = state.runs.get_mut(&run).expect("the run");
            run.work_items.push(42);
        });
        assert_eq!(explained(&file).await.0, of_azure_devops, "{condition}");
        assert_eq!(explained(&file).await.1, of_web, "{condition}");
        world.accept(a_check()).await;
        world.run_due_messages().await;
        world.azure_devops_server().take_calls();
        world.sources().take_calls();
        world.advance(AN_INTERVAL).await;
        let calls = world.azure_devops_server().take_calls();
        let (fewest, most) = of_azure_devops;
        assert!((fewest..=most).contains(&calls.len()), "{condition}: {calls:#?}");
        assert_eq!(world.sources().take_calls().len(), of_web.0, "{condition}");
        world.still_waits();
    }
}

#[tokio::test]
async fn the_calls_of_a_day_follow_from_the_interval() {
    let check = |more: &str| format!("checks: {{ c: {{ {more}, conditions: [ tag: {{ in: [go] }} ] }} }}\n");
    let (_, _, text) = explained(&check("reevaluateEvery: 5m")).await;
    assert!(text.contains("Every 5m, a day of waiting is 288 evaluations: 864 calls of Azure DevOps."), "{text}");
    let (_, _, text) = explained(&check("reevaluateEvery: 2h")).await;
    assert!(text.contains("Every 2h, a day of waiting is 12 evaluations: 36 calls of Azure DevOps."), "{text}");
    let (_, _, text) = explained(&check("completionEvent: ApiResponse")).await;
    assert!(text.contains("Each delivery makes 1 call of Azure DevOps.") && !text.contains("a day"), "{text}");
    let file = "checks: { c: { completionEvent: ApiResponse, inputs: { R: {} }, conditions: [ buildReason: { in: [Manual], input: R } ] } }";
    let (_, _, text) = explained(file).await;
    assert!(text.contains("Each delivery makes no calls."), "{text}");
}

#[tokio::test]
async fn a_query_of_several_lines_is_shown_in_one() {
    let person = Person::new().await;
    let printed = person.run(&["explain", "canary-performance"]).await;
    assert!(printed.out.contains(r#"code=~"5.."}[5m])) / sum(rate("#), "{}", printed.out);
    assert!(printed.out.contains("A metric is asked for only when a checkpoint is due."), "{}", printed.out);
}

#[tokio::test]
async fn the_sentences_about_a_kind_are_those_of_the_page() {
    let conditions = "{ tag: { in: [go] } }, { any: [ { taskExecuted: { task: CmdLine } } ] }";
    let (_, _, text) = explained(&format!("checks: {{ c: {{ conditions: [ {conditions} ] }} }}\n")).await;
    for (kind, sentences) in [
        ("tag", &["Passes when the run has one of the tags. Case does not matter.", "Waits otherwise."][..]),
        ("taskExecuted", &["Passes when one execution counts.", "Fails otherwise. A run that waits"]),
    ] {
        let (_, own) = text.split_once(&format!("A condition `{kind}`:\n")).expect(kind);
        let section = page(CHECKS).split("\n## ").find(|it| it.starts_with(kind)).expect(kind).replace("**", "");
        for sentence in sentences {
            assert!(own.contains(&format!("  {sentence}")), "{sentence} is not in\n{text}");
            assert!(section.contains(&format!("* {sentence}")), "{sentence} is not on the page");
        }
    }
}
