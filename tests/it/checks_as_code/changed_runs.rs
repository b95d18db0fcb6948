//! A test that begins with a recording and changes its run: what was read for the commit and the branch of the recording is no
//! evidence of another.

use super::policies::{Folder, test};

const COMMIT: &str = "1f3a5c7e9b2d4f6a8c0e1f3a5c7e9b2d4f6a8c0e";
const OTHER_COMMIT: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";

/// A condition, the fact that it is judged by, and what the fact is read for.
struct Case {
    condition: &'static str,
    fact: &'static str,
    commit: bool,
    branch: bool,
}

const fn case(condition: &'static str, fact: &'static str, (commit, branch): (bool, bool)) -> Case {
    Case { condition, fact, commit, branch }
}

const CASES: [Case; 15] = [
    case("workItems: { states: [Closed] }", "workItems", (true, false)),
    case("workItems: { states: [Closed], source: pullRequest }", "workItems", (true, true)),
    case("workItems: { states: [Closed], source: run }", "workItems", (false, false)),
    case("pullRequest: { approvals: 1 }", "pullRequests", (true, true)),
    case("newestRun: {}", "supersedingRun", (false, true)),
    case("pipelineRun: { pipeline: 7, sameBranch: true, sameCommit: true }", "pipelineRun", (true, true)),
    case("pipelineRun: { pipeline: 7, branch: refs/heads/main }", "pipelineRun", (false, false)),
    case("codeCoverage: { maxDrop: 1 }", "earlierCoverage", (false, true)),
    case("sonarQualityGate: { connection: web, project: web }", "sonarQualityGate", (true, true)),
    case("advancedSecurityAlerts: { connection: web, types: [secret] }", "advancedSecurityAlerts", (false, true)),
    case(
        "jiraIssues: { connection: web, projects: [WEB], statusCategory: Done, source: branch }",
        "jiraIssues",
        (false, true),
    ),
    case("jiraIssues: { connection: web, projects: [WEB], statusCategory: Done }", "jiraIssues", (false, false)),
    case(
        "http: { connection: web, path: 'a/{run.sourceVersion}', successCondition: response.body.ok }",
        "http",
        (true, false),
    ),
    case("http: { connection: web, path: a, successCondition: response.body.ok }", "http", (false, false)),
    case("taskExecuted: { task: CmdLine }", "timeline", (false, false)),
];

/// What else a condition looks at before it comes to the fact.
fn beside(fact: &str) -> &'static str {
    match fact {
        "earlierCoverage" => {
            ", { fact: codeCoverage, value: { status: finalized, statistics: [{ label: Lines, covered: 1, total: 2 }] } }"
        }
        "advancedSecurityAlerts" => ", { fact: timeline, value: { records: [{ type: Task, name: Build }] } }",
        _ => "",
    }
}

fn run_of(commit: &str, branch: &str) -> String {
    format!("{{ fact: run, value: {{ id: 7, sourceVersion: '{commit}', sourceBranch: {branch} }} }}")
}

fn checks_with(condition: &str) -> String {
    format!(
        "connections: {{ web: {{ http: {{ url: 'https://web.example.com' }} }} }}\nchecks:\n  it:\n    conditions: [ {condition} ]\n"
    )
}

/// The texts of a test that changes the run of the recording must be in the log.
fn changed(run: &str, says: &str) -> String {
    format!(
        "tests:\n  - {{ name: n, recorded: base.test.yaml, facts: [ {run} ], expect: {{ outcome: unknown, text: [ {says:?} ] }} }}\n"
    )
}

#[tokio::test]
async fn a_recorded_fact_is_not_given_for_a_run_of_another_commit_or_branch() {
    for Case { condition, fact, commit, branch } in CASES {
        let folder = Folder::new("other-runs");
        folder.write("checks.yaml", &checks_with(condition));
        let answer = format!("{{ fact: {fact}, error: as it was recorded }}{}", beside(fact));
        let run = run_of(COMMIT, "refs/heads/main");
        folder.write(
            "base.test.yaml",
            &format!(
                "at: 2026-01-05T09:00:00Z\ntests:\n  - {{ name: n, facts: [ {run}, {answer} ], expect: {{ text: [ as it was recorded ] }} }}\n"
            ),
        );
        let of = |is_read_for, what: &str, was: &str, is: &str| match is_read_for {
            true => format!(
                "the fact `{fact}` is not given for this run: it is for {what} {was}, and that of the run is {is}"
            ),
            false => "as it was recorded".to_owned(),
        };
        for (run, says) in [
            (run, "as it was recorded".to_owned()),
            (run_of(OTHER_COMMIT, "refs/heads/main"), of(commit, "sourceVersion", COMMIT, OTHER_COMMIT)),
            (run_of(COMMIT, "refs/heads/topic"), of(branch, "sourceBranch", "refs/heads/main", "refs/heads/topic")),
        ] {
            folder.write("changed.test.yaml", &changed(&run, &says));
            let printed = test(&folder, &[]).await;
            assert!(
                printed.code == 0 && printed.out.contains("2 tests, 0 failed."),
                "{condition}: {says}: {printed:?}"
            );
        }
    }
}

const GATE: &str = "sonarQualityGate: { connection: web, project: web }";

/// A recording in which the gate of the run's commit is green.
fn green(of: &str) -> String {
    let run = run_of(COMMIT, "refs/heads/main");
    let gate =
        format!("{{ fact: sonarQualityGate{of}, value: {{ key: A, date: '2026-01-05T08:50:00Z', status: OK }} }}");
    format!(
        "at: 2026-01-05T09:00:00Z\ntests:\n  - {{ name: n, facts: [ {run}, {gate} ], expect: {{ outcome: succeeded }} }}\n"
    )
}

#[tokio::test]
async fn the_gate_of_another_commit_does_not_count_whether_the_recording_names_its_commit_or_not() {
    let named = format!(", of: {{ run: {{ sourceVersion: {COMMIT} }} }}");
    for of in ["", &named] {
        let folder = Folder::new("other-commit");
        folder.write("checks.yaml", &checks_with(GATE));
        folder.write("base.test.yaml", &green(of));
        let run = run_of(OTHER_COMMIT, "refs/heads/main");
        folder.write("more.test.yaml", &changed(&run, "is not given for this run"));
        let printed = test(&folder, &[]).await;
        assert_eq!(printed.code, 0, "{of}: {printed:?}");
        let none = "{ fact: sonarQualityGate, value: null }";
        folder.write(
            "more.test.yaml",
            &format!("tests:\n  - {{ name: n, recorded: base.test.yaml, facts: [ {run}, {none} ], expect: {{ outcome: waiting }} }}\n"),
        );
        let printed = test(&folder, &[]).await;
        assert_eq!(printed.code, 0, "{of}: {printed:?}");
    }
}

#[tokio::test]
async fn a_fact_that_names_another_run_than_that_of_its_test_is_a_mistake() {
    for (of, says) in [
        (
            format!("{{ run: {{ sourceVersion: {OTHER_COMMIT} }} }}"),
            format!(
                "tests[0].facts[1].of.run: the fact is for sourceVersion {OTHER_COMMIT}, and that of the run is {COMMIT}"
            ),
        ),
        (
            "{ run: { sourceBranch: refs/heads/topic } }".to_owned(),
            "the fact is for sourceBranch refs/heads/topic, and that of the run is refs/heads/main".to_owned(),
        ),
        ("{ run: { id: 7 } }".to_owned(), "the fact does not depend on id of the run".to_owned()),
    ] {
        let folder = Folder::new("named-run");
        folder.write("checks.yaml", &checks_with(GATE));
        folder.write("base.test.yaml", &green(&format!(", of: {of}")));
        let printed = test(&folder, &[]).await;
        assert!(printed.code == 2 && printed.out.contains(&says), "{says}: {printed:?}");
    }
}

#[tokio::test]
async fn a_given_gate_says_what_sonarqube_says_and_a_page_that_is_not_given_is_not_named() {
    let folder = Folder::new("gate");
    folder.write("checks.yaml", &checks_with(GATE));
    folder.write("base.test.yaml", &green("").replace("status: OK", "status: ok"));
    let printed = test(&folder, &[]).await;
    let says = "tests[0].facts[1].value.status: unknown variant `ok`; did you mean `OK`? Expected one of `OK`, `WARN`";
    assert!(printed.code == 2 && printed.out.contains(says), "{printed:?}");
    folder.write("base.test.yaml", &green("").replace("status: OK", "status: ERROR"));
    let printed = test(&folder, &[]).await;
    assert!(printed.code == 1 && printed.out.contains("the quality gate says ERROR of"), "{printed:?}");
    assert!(!printed.out.contains(" see "), "{printed:?}");
}
