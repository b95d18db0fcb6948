//! The recipes: each passes when its system answers well about this run, and never on any other answer.

use serde_json::{Value, json};
use simulator::azure_devops::State;
use simulator::faults::{Fault, RetryAfter};
use simulator::sources::{Page, Sources};

use checkgate::checks_file::ChecksFile;

use crate::mutations;
use crate::support::{World, a_check, app_root, docs, minutes};

mod answers;

use answers::{Recipe, recipes};

/// The page that shows the recipes.
const PAGE: &str = "docs/recipes.md";

/// A recipe as its file has it.
pub(crate) fn text(name: &str) -> String {
    std::fs::read_to_string(app_root().join(format!("recipes/{name}.yaml"))).expect(name)
}

/// The recipes of kinds of their own, each with the file that tests it.
const OF_KINDS: [(&str, &str); 5] = [
    ("advanced-security-alerts", "advanced_security_alerts"),
    ("freeze-icalendar", "freeze_calendar"),
    ("jira-issues", "jira_issues"),
    ("pipeline-run", "other_runs"),
    ("sonar-quality-gate", "sonar_quality_gate"),
];

/// The same with the address of the simulated system that answers anything, and with values for the app settings.
fn reachable(name: &str, sources: &Sources) -> String {
    reachable_at(name, &sources.url("web"))
}

/// The same with this address.
pub(crate) fn reachable_at(name: &str, address: &str) -> String {
    let text = text(name);
    let (before, url) = text.split_once(" url: ").expect("a connection");
    let quoted = url.strip_prefix('"');
    let end = quoted.unwrap_or(url).find(['"', '\n']).expect("an end");
    let rest = if quoted.is_some() { &url[end + 2..] } else { &url[end..] };
    let mut text = format!("{before} url: '{address}'{rest}");
    while let Some((before, after)) = text.split_once("${") {
        let (setting, after) = after.split_once('}').expect("the name of a setting");
        text = format!("{before}secret-of-{setting}{after}");
    }
    text
}

/// The paths that a recipe asks for, for a run of this commit.
fn paths(name: &str, commit: &str) -> Vec<String> {
    let text = text(name);
    let paths = text.lines().filter_map(|line| line.trim().strip_prefix("path: "));
    paths.map(|path| path.replace("{run.sourceVersion}", commit)).collect()
}

/// A world with one recipe, changed by `change`, whose system has no answers yet.
async fn world_with(recipe: &Recipe, change: impl Fn(String) -> String) -> World {
    let world = World::with_sources(|sources| change(reachable(recipe.name, sources))).await;
    let run = world.run;
    world.azure_devops(|state| of_branch(state, run, recipe.branch));
    world
}

fn of_branch(state: &mut State, run: u64, branch: &str) {
    branch.clone_into(&mut state.runs.get_mut(&run).expect("the run").source_branch);
}

fn commit(world: &World) -> String {
    world.azure_devops(|state| state.runs[&world.run].source_version.clone())
}

/// The system gives these answers, to those who send this header.
fn serve(world: &World, recipe: &Recipe, answers: &[Value], demands: (&str, &str)) {
    serve_at(world, recipe, (&paths(recipe.name, &commit(world)), answers), demands);
}

/// The same at these paths.
fn serve_at(world: &World, recipe: &Recipe, (paths, answers): (&[String], &[Value]), demands: (&str, &str)) {
    assert_eq!(paths.len(), answers.len(), "{}", recipe.name);
    let demands = Some((demands.0.to_owned(), demands.1.to_owned())).filter(|(name, _)| !name.is_empty());
    world.sources().with(|state| {
        for (path, held) in paths.iter().zip(answers) {
            let body = (recipe.filtered)(path, held);
            state.web.insert(path.clone(), Page { status: 200, body, demands: demands.clone() });
        }
    });
}

async fn evaluate(world: &mut World, recipe: &Recipe) {
    world.accept(a_check().named(recipe.name)).await;
    world.run_due_messages().await;
}

/// The answers that pass, but for one.
fn but(recipe: &Recipe, call: usize, answer: &Value) -> Vec<Value> {
    let mut answers = recipe.passes.clone();
    answers[call] = answer.clone();
    answers
}

#[tokio::test]
async fn every_recipe_passes_when_its_system_says_yes_about_this_run() {
    for recipe in recipes() {
        let mut world = world_with(&recipe, |text| text).await;
        serve(&world, &recipe, &recipe.passes, recipe.credential);
        evaluate(&mut world, &recipe).await;
        world.expect_decision("succeeded");
        assert!(!world.log().contains("secret-of-"), "{}", recipe.name);
        let tokens = world.sources().with(|state| state.identity.tokens.clone());
        let audiences: Vec<&str> = tokens.iter().map(|(_, audience, _)| audience.as_str()).collect();
        assert_eq!(audiences, recipe.audience.into_iter().collect::<Vec<_>>(), "{}", recipe.name);
    }
}

#[tokio::test]
async fn no_recipe_passes_on_another_answer_and_each_passes_once_the_answer_is_right() {
    for recipe in recipes() {
        for (title, call, answer) in &recipe.refused {
            let mut world = world_with(&recipe, |text| text).await;
            serve(&world, &recipe, &but(&recipe, *call, answer), recipe.credential);
            evaluate(&mut world, &recipe).await;
            println!("{}: {title}", recipe.name);
            world.expect_no_decision();
            serve(&world, &recipe, &recipe.passes, recipe.credential);
            world.advance(minutes(3)).await;
            world.expect_decision("succeeded");
        }
    }
}

#[tokio::test]
async fn no_recipe_passes_without_an_answer_of_its_system() {
    for recipe in recipes() {
        let unauthorised = but_all(&recipe, &recipe.passes, ("Authorization", "Bearer somebody-else")).await;
        unauthorised.expect_log("answered 401");
        let sign_in = vec![json!("<html>Sign in</html>"); recipe.passes.len()];
        but_all(&recipe, &sign_in, ("", "")).await.expect_log("web page");
        for empty in [json!({}), json!([]), json!(null)] {
            but_all(&recipe, &vec![empty; recipe.passes.len()], ("", "")).await;
        }
    }
}

/// A world in which all answers are these, once they did not let the check pass.
async fn but_all(recipe: &Recipe, answers: &[Value], demands: (&str, &str)) -> World {
    let mut world = world_with(recipe, |text| text).await;
    serve(&world, recipe, answers, demands);
    evaluate(&mut world, recipe).await;
    println!("{}: {answers:?}", recipe.name);
    world.expect_no_decision();
    world.still_waits();
    world
}

#[tokio::test]
async fn every_recipe_waits_as_long_as_its_system_asks() {
    for recipe in recipes() {
        let mut world = world_with(&recipe, |text| text).await;
        serve(&world, &recipe, &recipe.passes, recipe.credential);
        world.sources().fail(Fault::throttle(RetryAfter::Seconds(240))).on("GET", "/web/").forever();
        evaluate(&mut world, &recipe).await;
        println!("{}", recipe.name);
        world.expect_no_decision();
        world.expect_next_evaluation_in(minutes(4));
        world.sources().heal();
        world.advance(minutes(4)).await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn what_compares_a_recipe_with_the_run_is_needed() {
    let mut removed = 0;
    for recipe in recipes() {
        let Some(about_another) = &recipe.about_another else { continue };
        let (comparison, anything) = recipe.comparison;
        let without = |text: String| {
            assert!(text.contains(comparison), "{}", recipe.name);
            text.replace(comparison, anything)
        };
        for (is_removed, result) in [(false, None), (true, Some("succeeded"))] {
            let mut world = world_with(&recipe, |text| if is_removed { without(text) } else { text }).await;
            serve(&world, &recipe, about_another, recipe.credential);
            evaluate(&mut world, &recipe).await;
            println!("{}: removed: {is_removed}", recipe.name);
            match result {
                Some(result) => world.expect_decision(result),
                None => {
                    world.expect_no_decision();
                    world.still_waits();
                }
            }
        }
        removed += 1;
    }
    assert_eq!(removed, 2);
}

#[tokio::test]
async fn a_commit_that_is_not_a_hash_is_not_asked_about() {
    let recipe = answers::github();
    let mut world = world_with(&recipe, |text| text).await;
    let run = world.run;
    world.azure_devops(|state| "C42".clone_into(&mut state.runs.get_mut(&run).expect("the run").source_version));
    evaluate(&mut world, &recipe).await;
    world.expect_no_decision();
    world.expect_log("`sourceVersion` is `C42`, not the hash of a commit");
    assert!(world.sources().calls().is_empty());
    world.still_waits();
}

#[tokio::test]
async fn azure_finds_a_fired_alert_by_the_whole_id_of_its_rule_and_nothing_by_a_name() {
    let recipe = answers::azure_monitor();
    let [rule, alerts] = <[String; 2]>::try_from(paths(recipe.name, "")).expect("two calls");
    let (before, filter) = alerts.split_once("alertRule=").expect("a filter");
    let (id, after) = filter.split_once('&').expect("further filters");
    let (read, _) = rule.split_once('?').expect("a query");
    assert!(id.eq_ignore_ascii_case(&format!("/{read}")), "both conditions are about the same rule: {id}, {read}");
    let (_, call, fired) = &recipe.refused[0];
    for (written, passes) in [(id, false), ("web-errors", true)] {
        let instead = format!("{before}alertRule={written}&{after}");
        let mut world = world_with(&recipe, |text| text.replace(&alerts, &instead)).await;
        serve_at(&world, &recipe, (&[rule.clone(), instead], &but(&recipe, *call, fired)), recipe.credential);
        evaluate(&mut world, &recipe).await;
        println!("{written}");
        if passes {
            world.expect_decision("succeeded");
        } else {
            world.expect_no_decision();
            world.still_waits();
        }
    }
}

#[tokio::test]
async fn no_mutated_answer_of_a_recipe_passes() {
    for recipe in recipes() {
        for (call, answer) in &recipe.mutated {
            let read = |sources: &Sources| {
                let file = ChecksFile::parse(&reachable(recipe.name, sources));
                let mut file = file.unwrap_or_else(|problems| panic!("{}: {problems:?}", recipe.name));
                (file.checks.remove(recipe.name).expect("the check"), file)
            };
            let mut paths_of_run = Vec::new();
            let given = |state: &mut State, run: u64| {
                of_branch(state, run, recipe.branch);
                paths_of_run = paths(recipe.name, &state.runs[&run].source_version);
            };
            let world = mutations::World::around(read, given, |_| {}).await;
            let answers = paths_of_run.iter().cloned().zip(but(&recipe, *call, answer));
            world.sources.with(|state| state.web.extend(answers.map(|(path, body)| (path, Page::ok(body)))));
            println!("{}, call {call}", recipe.name);
            world.never_passes(&paths_of_run[*call], |_| {}, &[]).await;
        }
    }
}

#[test]
fn the_docs_show_every_recipe_as_its_file_has_it() {
    let mut files: Vec<String> = std::fs::read_dir(app_root().join("recipes"))
        .expect("recipes")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().trim_end_matches(".yaml").to_owned())
        .collect();
    files.sort();
    let mut tested: Vec<&str> = recipes().iter().map(|recipe| recipe.name).collect();
    for (name, file) in OF_KINDS {
        assert!(
            docs::page(&format!("tests/it/{file}.rs")).contains(&format!("\"{name}\"")),
            "{file}.rs does not test {name}"
        );
        tested.push(name);
    }
    tested.sort_unstable();
    assert_eq!(files, tested, "every recipe has its row in answers.rs");
    let page = docs::page(PAGE);
    let shown = docs::blocks(PAGE, "yaml");
    assert_eq!(shown.len(), files.len());
    for name in files {
        let file = text(&name);
        let parsed = ChecksFile::parse(&file).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        assert_eq!(parsed.checks.keys().collect::<Vec<_>>(), [&name]);
        assert!(shown.contains(&file), "{PAGE} does not show recipes/{name}.yaml as it is");
        let (_, section) = page.split_once(&format!("\n## {name}\n")).expect("its section");
        let section = section.split("\n## ").next().unwrap_or_default();
        for part in [&format!("\"Check\": \"{name}\""), "**Rights**", "**Cannot know**", "?\n"] {
            assert!(section.contains(part), "the section {name} does not say {part}");
        }
    }
}
