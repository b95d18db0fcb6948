//! Evaluations of one check that decide at the same moment: one decision counts.

use std::sync::{Arc, Mutex};

use checkgate::clock::Clock;
use simulator::azure_devops::{AzureDevOps, State, UpdateAnswer, Variable};

use crate::support::{MONDAY_MORNING, Setup, World, a_check, minutes};

/// The claim that another evaluation will make after this one has made its own.
type Another = Arc<Mutex<Option<String>>>;

/// A world in which the check's condition is met, and another evaluation claims the check between this one's claim and decision.
async fn a_contested_world(answer: UpdateAnswer) -> (World, Another) {
    let hand = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
    let azure_devops = AzureDevOps::start(hand.clone()).await.expect("a port");
    azure_devops.with(|state| state.update_answer = answer);
    // Where the first answer does not show what the record holds, it makes one more.
    let after = if answer == UpdateAnswer::WholeRecords { 1 } else { 2 };
    let another = Another::default();
    let clock = {
        let (azure_devops, another) = (azure_devops.clone(), Arc::clone(&another));
        Clock::from_fn(move || {
            let claims = azure_devops.calls().iter().filter(|call| call.body.contains("checkgate.claim")).count();
            let mut another = another.lock().expect("nobody panics here");
            if let Some(claim) = another.take_if(|_| claims >= after) {
                azure_devops.with(|state| claim_check(state, claim));
            }
            hand.now()
        })
    };
    let setup = Setup { clock: Some(clock), ..Setup::default() };
    (World::around_with(azure_devops, setup).await, another)
}

/// As the write of another evaluation does.
fn claim_check(state: &mut State, claim: String) {
    let plan = state.plans.values_mut().next().expect("the check's plan");
    let task = plan.task_instance_id;
    let record = plan.records.iter_mut().find(|record| record.id == task).expect("the check's record");
    let claim = Variable { value: Some(claim), is_secret: false, is_read_only: false };
    record.variables.get_or_insert_default().insert("checkgate.claim".to_owned(), claim);
}

#[tokio::test]
async fn a_decision_counts_only_if_nobody_has_claimed_the_check_meanwhile() {
    for answer in [UpdateAnswer::WholeRecords, UpdateAnswer::WithoutVariables, UpdateAnswer::Nothing] {
        for is_of_the_same_message in [true, false] {
            println!("{answer:?}, {is_of_the_same_message}");
            let (mut world, another) = a_contested_world(answer).await;
            world.accept(a_check().named("cmdline-executed")).await;
            let message = world.messages().remove(0).id;
            let claim = if is_of_the_same_message {
                format!("7000000000000000.{message}")
            } else {
                "0000000000000001.another-message".to_owned()
            };
            *another.lock().expect("nobody panics here") = Some(claim);

            world.run_due_messages().await;

            assert_eq!(*another.lock().expect("nobody panics here"), None, "it was claimed");
            world.expect_no_decision();
            world.advance(minutes(1)).await;
            world.expect_decision("succeeded");
            assert_eq!(world.log().matches("Decision: ").count(), 1, "{}", world.log());
        }
    }
}

#[tokio::test]
async fn a_decision_is_made_once_whatever_an_update_is_answered_with() {
    for answer in [UpdateAnswer::WholeRecords, UpdateAnswer::WithoutVariables, UpdateAnswer::Nothing] {
        let (mut world, _) = a_contested_world(answer).await;
        world.accept(a_check().named("cmdline-executed")).await;

        world.run_due_messages().await;

        world.expect_decision("succeeded");
        let written = world.azure_devops_server().calls();
        let decisions =
            written.iter().filter(|call| call.method == "PATCH" && call.body.contains("checkgate.decision"));
        assert_eq!(decisions.count(), 1, "{answer:?}");
    }
}
