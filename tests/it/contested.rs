//! Evaluations of one check that decide at the same moment: one decision counts.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use checkgate::clock::Clock;
use checkgate::queue::claim::Claim;
use checkgate::queue::message::CheckMessage;
use checkgate::task::Decision;
use chrono::TimeDelta;
use simulator::azure_devops::{AzureDevOps, State, TaskResult, UpdateAnswer, Variable};
use simulator::calls::Call;
use simulator::faults::Fault;

use crate::support::{LogLines, MONDAY_MORNING, Setup, World, a_check, an_active_work_item, minutes};

/// What Azure DevOps answers updates with, and whether the handler has decided a check before, and may know it.
const ANSWERS: [(UpdateAnswer, bool); 8] = [
    (UpdateAnswer::WholeRecords, false),
    (UpdateAnswer::WholeRecords, true),
    (UpdateAnswer::WithoutVariables, false),
    (UpdateAnswer::WithoutVariables, true),
    (UpdateAnswer::OnlyWhatWasWritten, false),
    (UpdateAnswer::OnlyWhatWasWritten, true),
    (UpdateAnswer::Nothing, false),
    (UpdateAnswer::Nothing, true),
];

/// Variables of the check's record, with their values.
type Variables = Vec<(String, String)>;

/// Whether it is time to write, by the calls so far.
type Moment = Box<dyn Fn(&[Call]) -> bool + Send>;

/// What other evaluations write into the check's record, once Azure DevOps has got such calls.
#[derive(Clone, Default)]
struct Meanwhile(Arc<Mutex<Plan>>);

#[derive(Default)]
enum Plan {
    #[default]
    None,
    Write(Variables, Moment),
    /// It was done after so many calls.
    Done(usize),
}

impl Meanwhile {
    fn write(&self, written: Variables, when: impl Fn(&[Call]) -> bool + Send + 'static) {
        *self.0.lock().expect("nobody panics here") = Plan::Write(written, Box::new(when));
    }

    /// Between the claim that an evaluation makes at its begin and its decision.
    fn write_after_the_claim(&self, written: Variables) {
        self.write(written, |calls| calls.iter().any(|call| call.body.contains("checkgate.claim")));
    }

    /// After how many calls it was done.
    fn done_after(&self) -> Option<usize> {
        match *self.0.lock().expect("nobody panics here") {
            Plan::Done(calls) => Some(calls),
            Plan::None | Plan::Write(..) => None,
        }
    }

    fn look(&self, azure_devops: &AzureDevOps) {
        let mut plan = self.0.lock().expect("nobody panics here");
        let calls = azure_devops.calls();
        if let Plan::Write(written, when) = &mut *plan
            && when(&calls)
        {
            azure_devops.with(|state| write(state, std::mem::take(written)));
            *plan = Plan::Done(calls.len());
        }
    }
}

/// As the writes of other evaluations do.
fn write(state: &mut State, variables: Variables) {
    let plan = state.plans.values_mut().next().expect("the check's plan");
    let task = plan.task_instance_id;
    let record = plan.records.iter_mut().find(|record| record.id == task).expect("the check's record");
    let record = record.variables.get_or_insert_default();
    for (name, value) in variables {
        record.insert(name, Variable { value: Some(value), is_secret: false, is_read_only: false });
    }
}

/// A world in which other evaluations write into the check's record while one takes place, at its looks at the clock.
async fn a_contested_world((answer, has_decided): (UpdateAnswer, bool)) -> (World, Meanwhile) {
    let hand = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
    let azure_devops = AzureDevOps::start(hand.clone()).await.expect("a port");
    azure_devops.with(|state| state.update_answer = answer);
    let meanwhile = Meanwhile::default();
    let clock = {
        let (azure_devops, meanwhile) = (azure_devops.clone(), meanwhile.clone());
        Clock::from_fn(move || {
            meanwhile.look(&azure_devops);
            hand.now()
        })
    };
    let mut world = World::around_with(azure_devops, Setup { clock: Some(clock), ..Setup::default() }).await;
    world.azure_devops(|state| an_active_work_item(state, world.run));
    if has_decided {
        reads_the_record_before_its_decision(&mut world).await;
        world.azure_devops(|state| state.plans.clear());
        world.azure_devops_server().take_calls();
    }
    (world, meanwhile)
}

fn claim(claim: &str) -> (String, String) {
    ("checkgate.claim".to_owned(), claim.to_owned())
}

/// A decision that was made with this claim.
fn decision(world: &World, claim: &str, result: &str) -> (String, String) {
    let CheckMessage::V1(message, _) = CheckMessage::parse(&world.messages()[0].text).expect("the check's message");
    let Claim { made_at, message_id, .. } = claim.parse().expect("a claim");
    let made_with = format!(".{made_at:016x}.{message_id}");
    let decision = if result == "succeeded" { Decision::Approved } else { Decision::rejected("another reason") };
    let text = serde_json::to_vec(&decision).expect("JSON");
    let binding = format!("{} decision{made_with}", message.check.properties.seal_binding());
    (format!("checkgate.decision{made_with}"), world.sealer().seal(&text, &binding))
}

/// The decisions that were posted, accepted or not.
fn posted(world: &World) -> Vec<String> {
    let plan = world.ids().plan_id;
    world.azure_devops(|state| state.plans[&plan].events.iter().map(|event| event.result.clone()).collect())
}

fn keeps_a_decision(call: &Call) -> bool {
    call.method == "PATCH" && call.body.contains("checkgate.decision.")
}

/// A check that waits for its second evaluation, which is due now.
async fn a_waiting_check(answer: (UpdateAnswer, bool)) -> (World, Meanwhile) {
    let (mut world, meanwhile) = a_contested_world(answer).await;
    world.accept(a_check().named("work-item-completed")).await;
    world.run_due_messages().await;
    world.wait_for_the_next_message();
    world.azure_devops_server().take_calls();
    (world, meanwhile)
}

/// The claims of two other evaluations: one is newer than any of this evaluation, and one older than all of them.
fn claims_of_others(world: &World) -> [String; 2] {
    [format!("7000000000000000.{}", world.messages()[0].id), "0000000000000003.another-message".to_owned()]
}

#[tokio::test]
async fn a_decision_counts_only_if_nobody_has_claimed_the_check_meanwhile() {
    for answer in ANSWERS {
        for other in 0..2 {
            println!("{answer:?}, {other}");
            let (mut world, meanwhile) = a_contested_world(answer).await;
            world.accept(a_check().named("cmdline-executed")).await;
            meanwhile.write_after_the_claim(vec![claim(&claims_of_others(&world)[other])]);

            world.run_due_messages().await;

            assert!(meanwhile.done_after().is_some());
            world.expect_no_decision();
            world.advance(minutes(1)).await;
            world.expect_decision("succeeded");
            assert_eq!(world.log().matches("Decision: ").count(), 1, "{}", world.log());
        }
    }
}

/// Another evaluation claims the check and fails it, after so many calls. Returns whether that was before this one's end.
async fn is_decided_once(answer: (UpdateAnswer, bool), other: usize, after: usize, has_decision: bool) -> bool {
    println!("{answer:?}, {other}, {after}, {has_decision}");
    let (world, meanwhile) = a_waiting_check(answer).await;
    if has_decision {
        // It was made with a claim that is not in the record any more.
        let [first, second] = ["0000000000000001.third-message", "0000000000000002.third-message"];
        let written = vec![claim(first), decision(&world, second, "succeeded")];
        world.azure_devops(|state| write(state, written));
    } else {
        world.close_work_item();
    }
    let theirs = claims_of_others(&world)[other].clone();
    let written = vec![claim(&theirs), decision(&world, &theirs, "failed")];
    meanwhile.write(written, move |calls| calls.len() >= after);

    world.run_due_messages().await;
    let done_after = meanwhile.done_after();
    let calls = world.azure_devops_server().calls();
    world.advance(minutes(1)).await;

    // The record as it was then shows whether anybody else has claimed the check.
    let kept = calls.iter().position(keeps_a_decision);
    let looks_at = kept.map(|at| if answer.0 == UpdateAnswer::WholeRecords { at } else { at + 1 });
    let counts = looks_at.is_some_and(|at| done_after.is_none_or(|done_after| done_after > at));
    assert_eq!(posted(&world), [if counts { "succeeded" } else { "failed" }], "{calls:#?}");
    done_after.is_some()
}

#[tokio::test]
async fn one_decision_is_posted_whenever_another_evaluation_makes_its_own() {
    for answer in ANSWERS {
        for (other, has_decision) in [(0, false), (1, false), (0, true), (1, true)] {
            let mut after = 0;
            while is_decided_once(answer, other, after, has_decision).await {
                after += 1;
            }
            assert!(after > 6, "{after} calls");
        }
    }
}

#[tokio::test]
async fn of_several_decisions_the_one_of_the_record_s_claim_counts_and_else_the_newest() {
    let [oldest, older, newest] = ["0000000000000001.a", "0000000000000002.b", "0000000000000003.c"];
    for (recorded, result) in [(older, "failed"), (oldest, "succeeded"), (newest, "succeeded")] {
        let (world, _) = a_waiting_check((UpdateAnswer::WholeRecords, false)).await;
        let decisions = [decision(&world, newest, "succeeded"), decision(&world, older, "failed")];
        world.azure_devops(|state| write(state, [vec![claim(recorded)], decisions.to_vec()].concat()));

        world.run_due_messages().await;

        assert_eq!(posted(&world), [result], "{recorded}");
    }
}

#[tokio::test]
async fn a_decision_that_did_not_count_is_not_posted_later_without_a_new_evaluation() {
    for is_of_another_chain in [false, true] {
        let log = LogLines::capture();
        let (mut world, meanwhile) = a_contested_world((UpdateAnswer::WholeRecords, false)).await;
        world.close_work_item();
        world.accept(a_check().named("work-item-completed")).await;
        let theirs = if is_of_another_chain { "7000000000000000.another" } else { "0000000000000001.another" };
        meanwhile.write_after_the_claim(vec![claim(theirs)]);
        world.run_due_messages().await;
        world.expect_no_decision();
        if is_of_another_chain {
            // This chain has ended, and the other one goes on.
            assert!(world.messages().is_empty());
            world.deliver_again(a_check().named("work-item-completed")).await;
            world.claim_record(&format!("7000000000000000.{}", world.messages()[0].id)).await;
        }

        world.azure_devops(|state| an_active_work_item(state, 101));
        world.advance(minutes(1)).await;

        world.expect_no_decision();
        assert!(log.take().iter().all(|line| !line.contains("decision_forged")), "nobody is alerted");
        world.close_work_item();
        world.advance(minutes(2)).await;
        world.expect_decision("succeeded");
    }
}

#[tokio::test]
async fn a_claim_that_was_taken_away_is_made_again_before_a_decision_counts() {
    for answer in ANSWERS {
        let (mut world, meanwhile) = a_contested_world(answer).await;
        world.accept(a_check().named("cmdline-executed")).await;
        // As a chain does that ends without a decision.
        meanwhile.write_after_the_claim(vec![claim("")]);

        world.run_due_messages().await;

        world.expect_decision("succeeded");
        let calls = world.azure_devops_server().calls();
        let kept = calls.iter().position(keeps_a_decision).expect("it is kept");
        let is_claimed_anew = calls[kept..].iter().any(|call| call.body.contains("checkgate.claim"));
        assert!(is_claimed_anew, "{answer:?}: {calls:#?}");
    }
}

#[tokio::test]
async fn while_nothing_can_be_queued_a_claim_of_another_evaluation_is_waited_for_and_the_check_is_decided() {
    let checks = "default: late\nchecks: { late: { conditions: [ window: { from: '09:03', timeZone: UTC } ] } }";
    let mut world = World::with_checks(checks, |_, _| {}).await;
    world.accept(a_check()).await;
    world.run_due_messages().await;
    world.queue.fail(Fault::status(503)).forever();
    let theirs = vec![claim(&claims_of_others(&world)[1])];
    world.azure_devops(|state| {
        state.at("2026-01-05T09:02:30Z".parse().expect("a time"), move |state| write(state, theirs));
    });

    world.advance(minutes(3)).await;

    world.expect_decision("succeeded");
    let passed = world.clock.now() - MONDAY_MORNING.parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    // It waits for half a minute for the evaluation that made the other claim.
    assert_eq!(passed.num_seconds(), 210);
}

#[tokio::test]
async fn a_decision_is_posted_at_once_although_the_record_stores_no_variables_any_more() {
    let world = World::with_a_waiting_check().await;
    world.azure_devops(|state| state.stores_variables = false);
    world.close_work_item();
    world.wait_for_the_next_message();

    world.run_due_messages().await;

    world.expect_decision("succeeded");
}

#[tokio::test]
async fn a_decision_of_another_evaluation_is_found_although_two_writes_fail() {
    for failures in [1, 2] {
        let (world, meanwhile) = a_waiting_check((UpdateAnswer::WholeRecords, false)).await;
        world.close_work_item();
        let theirs = claims_of_others(&world)[1].clone();
        meanwhile.write(vec![claim(&theirs), decision(&world, &theirs, "failed")], move |calls| {
            calls.iter().any(|call| call.path.to_lowercase().contains("workitems"))
        });
        world.azure_devops_server().fail(Fault::status(400)).on("PATCH", "/records").times(failures);

        world.run_due_messages().await;

        assert_eq!(posted(&world), ["failed"], "{failures}");
    }
}

#[tokio::test]
async fn writes_that_are_not_answered_delay_a_decision_by_a_few_seconds() {
    let world = World::with_a_waiting_check().await;
    world.close_work_item();
    world.wait_for_the_next_message();
    world.azure_devops_server().fail(Fault::hang()).on("PATCH", "/records").forever();
    let begin = Instant::now();

    world.run_due_messages().await;

    world.expect_decision("succeeded");
    assert!(begin.elapsed() < Duration::from_secs(14), "{:?}", begin.elapsed());
}

/// A check is delivered and decided. Returns whether its record was read between the claim and the decision.
async fn reads_the_record_before_its_decision(world: &mut World) -> bool {
    world.azure_devops(|state| state.plans.clear());
    world.azure_devops_server().take_calls();
    world.accept(a_check().named("cmdline-executed")).await;
    world.run_due_messages().await;
    world.expect_decision("succeeded");
    let calls = world.azure_devops_server().calls();
    let claimed = calls.iter().position(|call| call.body.contains("checkgate.claim")).expect("it claims the check");
    let kept = calls.iter().position(keeps_a_decision).expect("it keeps the decision");
    calls[claimed..kept].iter().any(|call| call.method == "GET" && call.path.ends_with("/records"))
}

#[tokio::test]
async fn a_record_is_read_before_a_decision_unless_the_answers_are_known_to_show_all_of_it() {
    for answer in ANSWERS {
        let (mut world, _) = a_contested_world(answer).await;
        let reads = reads_the_record_before_its_decision(&mut world).await;
        assert_eq!(reads, answer != (UpdateAnswer::WholeRecords, true), "{answer:?}");
    }
}

#[tokio::test]
async fn records_are_read_again_once_the_answers_do_not_show_all_of_them_any_more() {
    let (mut world, _) = a_contested_world((UpdateAnswer::WholeRecords, true)).await;
    world.azure_devops(|state| state.update_answer = UpdateAnswer::OnlyWhatWasWritten);
    assert!(!reads_the_record_before_its_decision(&mut world).await, "nothing shows it yet");
    assert!(reads_the_record_before_its_decision(&mut world).await);
}

#[tokio::test]
async fn a_decision_is_made_once_whatever_an_update_is_answered_with() {
    for answer in ANSWERS {
        let (mut world, _) = a_contested_world(answer).await;
        world.accept(a_check().named("cmdline-executed")).await;

        world.run_due_messages().await;

        world.expect_decision("succeeded");
        let written = world.azure_devops_server().calls();
        assert_eq!(written.iter().filter(|call| keeps_a_decision(call)).count(), 1, "{answer:?}");
    }
}

/// A first evaluation that takes a while at each of its steps: it makes its claim after two seconds, and its decision after
/// twelve. Its run has executed nothing, so that it fails the check. Meanwhile this happens, at these seconds.
async fn a_slow_first_evaluation(
    changes: impl FnOnce(&World) -> Vec<(i64, Box<dyn FnOnce(&mut State) + Send>)>,
) -> World {
    let (mut world, _) = a_contested_world((UpdateAnswer::WholeRecords, true)).await;
    let run = world.run;
    world.azure_devops(|state| {
        state.runs.get_mut(&run).expect("the run").without_tasks();
    });
    world.accept(a_check().named("cmdline-executed")).await;
    world.latency("POST", "/logs", Duration::from_secs(2));
    world.latency("GET", &format!("/builds/{run}/timeline"), Duration::from_secs(10));
    let begin = world.clock.now();
    let changes = changes(&world);
    world.azure_devops(|state| {
        for (after, change) in changes {
            state.at(begin + TimeDelta::seconds(after), change);
        }
    });
    world.run_due_messages().await;
    world
}

#[tokio::test]
async fn a_check_that_passes_while_its_facts_are_read_is_reported() {
    let log = LogLines::capture();
    a_slow_first_evaluation(|world| {
        let ids = world.ids().clone();
        vec![(5, Box::new(move |state| state.end_check(&ids, TaskResult::Succeeded)))]
    })
    .await;
    assert!(log.take().iter().any(|line| line.contains("passed_undecided")));
}

#[tokio::test]
async fn a_decision_that_was_taken_back_while_the_facts_were_read_is_not_followed() {
    let world = a_slow_first_evaluation(|world| {
        let theirs = "0000000000000003.another-message";
        let made = decision(world, theirs, "succeeded");
        let taken_back = (made.0.clone(), String::new());
        vec![
            (1, Box::new(|state| write(state, vec![claim(theirs), made]))),
            (5, Box::new(|state| write(state, vec![taken_back]))),
        ]
    })
    .await;
    assert_eq!(posted(&world), ["failed"], "{}", world.log());
}
