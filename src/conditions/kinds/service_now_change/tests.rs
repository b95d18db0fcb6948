use chrono::{DateTime, Utc};

use crate::check::Check;
use crate::conditions::given::{self, delivered_at, minute};
use crate::conditions::kinds::service_now_change::*;
use crate::facts::FactError;
use crate::sources::service_now::{CHANGE_REQUESTS, ChangeAnswer, Field};

const NUMBER: &str = "CHG0030001";

fn yaml(parameters: &str) -> String {
    format!(
        "connections: {{ servicenow: {{ serviceNow: {{ instance: 'https://x.service-now.com', user: u, password: p }} }} }}
checks: {{ c: {{ inputs: {{ ChangeNumber: {{}} }}, conditions: [ serviceNowChange: {{ connection: servicenow, number: ChangeNumber, {parameters} }} ] }} }}"
    )
}

fn check(parameters: &str, number: &str) -> Check {
    given::check(&yaml(parameters), &[("ChangeNumber", number)])
}

/// Facts with the records that ServiceNow answers, each a list of (field, stored, shown).
fn facts(check: &Check, records: &[&[(&str, &str, &str)]]) -> Facts {
    let crate::conditions::Kind::ServiceNowChange(kind) = &check.definition.conditions[0].kind else {
        panic!("another kind");
    };
    let record = |fields: &&[(&str, &str, &str)]| {
        let field = |(name, value, shown): &(&str, &str, &str)| {
            let field = Field { value: Some((*value).to_owned()), display_value: Some((*shown).to_owned()) };
            ((*name).to_owned(), field)
        };
        fields.iter().map(field).collect()
    };
    let mut facts = Facts::default();
    let link = "https://x.service-now.com/nav_to.do?uri=change_request.do?sysparm_query=number=CHG0030001".to_owned();
    facts.insert(kind.fact(NUMBER), Ok(ChangeAnswer { link, records: records.iter().map(record).collect() }));
    facts
}

fn judge_at(parameters: &str, record: &[(&str, &str, &str)], now: DateTime<Utc>) -> Finding {
    let check = check(parameters, NUMBER);
    given::evaluate(&check, &facts(&check, &[record]), None, now)
}

fn judge(parameters: &str, record: &[(&str, &str, &str)]) -> (Outcome, String) {
    let finding = judge_at(parameters, record, delivered_at());
    (finding.outcome, finding.found)
}

#[test]
fn every_wrong_field_is_listed_with_what_was_expected() {
    let parameters = "fields: { category: [Software, Network], risk: '4', on_hold: false }";
    let right = [("category", "software", "Software"), ("risk", "4", "Low"), ("on_hold", "false", "false")];
    assert_eq!(judge(parameters, &right), (Outcome::Passed, "CHG0030001 has all expected values".to_owned()));
    let wrong = [("category", "hw", "Hardware"), ("risk", "2", "High"), ("on_hold", "false", "false")];
    let finding = judge_at(parameters, &wrong, delivered_at());
    assert_eq!(finding.outcome, Outcome::NotMet);
    assert_eq!(
        finding.found,
        "CHG0030001: category is Hardware (expected Software or Network); risk is High (expected 4)"
    );
    assert!(finding.details[0].contains("nav_to.do?uri=change_request.do"), "{:?}", finding.details);
    assert_eq!(check(parameters, NUMBER).definition.conditions[0].kind.when_not_met(), WhenNotMet::Fail);
}

#[test]
fn a_check_waits_for_an_approval_and_a_rejection_is_final() {
    let parameters = "approval: approved, rejected: [rejected, Canceled, Closed]";
    assert_eq!(check(parameters, NUMBER).definition.conditions[0].kind.when_not_met(), WhenNotMet::Wait);
    for (approval, state, measured) in [
        ("approved", "-2", Outcome::Passed),
        ("requested", "-3", Outcome::NotMet),
        ("not requested", "-5", Outcome::NotMet),
        ("rejected", "-5", Outcome::Failed),
        // Approved once, cancelled since.
        ("approved", "4", Outcome::Failed),
        ("approved", "3", Outcome::Failed),
    ] {
        let record = [("approval", approval, approval), ("state", state, "in the user's language")];
        assert_eq!(judge(parameters, &record).0, measured, "{approval} {state}");
    }
}

#[test]
fn states_are_names_or_numbers() {
    for wanted in ["Scheduled", "scheduled", "-2", "[Implement, -2]", "'-2'"] {
        assert_eq!(judge(&format!("state: {wanted}"), &[("state", "-2", "Geplant")]).0, Outcome::Passed, "{wanted}");
    }
    let (measured, found) = judge("state: Scheduled", &[("state", "-4", "Assess")]);
    assert_eq!((measured, found.as_str()), (Outcome::NotMet, "CHG0030001: state is Assess (expected Scheduled)"));
}

#[test]
fn wrong_fields_fail_while_the_approval_is_missing() {
    let parameters = "fields: { category: Software }, approval: approved";
    let requested = ("approval", "requested", "Requested");
    let wrong = judge(parameters, &[("category", "hw", "Hardware"), requested]);
    assert_eq!(wrong.0, Outcome::NotMet);
    assert!(wrong.1.contains("category is Hardware") && wrong.1.contains("approval is Requested"), "{}", wrong.1);
    assert_eq!(judge(parameters, &[("category", "sw", "Software"), requested]).0, Outcome::Waiting);
}

#[test]
fn steward_279_the_window_is_judged_at_each_evaluation() {
    let planned = [("start_date", "2026-01-05 12:30:00", "13:30"), ("end_date", "2026-01-05 13:00:00", "14:00")];
    let before = judge_at("withinWindow: true", &planned, minute(0));
    assert_eq!((before.outcome, before.look_again_at), (Outcome::NotMet, Some(minute(1))), "it may be moved");
    let shortly = minute(29) + chrono::TimeDelta::seconds(30);
    assert_eq!(judge_at("withinWindow: true", &planned, shortly).look_again_at, Some(minute(30)));
    for (at, measured) in [(30, Outcome::Passed), (60, Outcome::Passed), (61, Outcome::Failed)] {
        assert_eq!(judge_at("withinWindow: true", &planned, minute(at)).outcome, measured, "minute {at}");
    }
    let unplanned = [("start_date", "", ""), ("end_date", "", "")];
    let (measured, found) = judge("withinWindow: true", &unplanned);
    assert_eq!((measured, found.contains("start_date is empty")), (Outcome::NotMet, true), "{found}");
    let odd = [("start_date", "01/05/2026", ""), ("end_date", "01/06/2026", "")];
    assert_eq!(judge("withinWindow: true", &odd).0, Outcome::Errored);
}

#[test]
fn a_change_without_approval_is_read_at_the_check_s_own_interval() {
    let record = [
        ("approval", "requested", "Requested"),
        ("start_date", "2026-01-05 23:00:00", ""),
        ("end_date", "2026-01-06 23:00:00", ""),
    ];
    let finding = judge_at("approval: approved, withinWindow: true", &record, minute(0));
    assert_eq!((finding.outcome, finding.look_again_at), (Outcome::NotMet, Some(minute(1))));
}

#[test]
fn there_must_be_exactly_one_record() {
    let parameters = "approval: approved";
    let approved: &[(&str, &str, &str)] = &[("approval", "approved", "Approved")];
    for (records, shows) in [(&[][..], "there is no change request CHG0030001"), (&[approved, approved], "several")] {
        let check = check(parameters, NUMBER);
        let (measured, found) = given::measure(&check, &facts(&check, records));
        assert_eq!((measured, found.contains(shows)), (Outcome::Failed, true), "{found}");
    }
}

#[test]
fn a_field_that_cannot_be_read_is_neither_right_nor_wrong() {
    let (measured, found) = judge("fields: { categroy: Software }", &[]);
    assert_eq!((measured, found.contains("no field `categroy`")), (Outcome::Errored, true), "{found}");
}

#[test]
fn a_number_that_could_extend_the_query_is_never_sent() {
    for number in [
        "",
        "CHG0030001^ORnumberISNOTEMPTY",
        "CHG0030001\n",
        "CHG0030001&sysparm_limit=1000",
        "chg0030001",
        "CHG0030001 ",
        "javascript:gs.now()",
        "ＣＨＧ0030001",
    ] {
        let check = check("approval: approved", number);
        assert!(given::wanted(&check, None, delivered_at()).is_empty(), "{number:?} is asked for");
        assert_eq!(given::measure(&check, &Facts::default()).0, Outcome::Failed, "{number:?}");
    }
}

#[test]
fn an_outage_is_neither_a_yes_nor_a_no() {
    let check = check("approval: approved", NUMBER);
    let mut facts = Facts::default();
    let fact = ChangeRequests {
        table: CHANGE_REQUESTS.to_owned(),
        connection: "servicenow".to_owned(),
        number: NUMBER.to_owned(),
        fields: vec!["approval".to_owned()],
    };
    facts.insert(fact, Err(FactError::because("connection `servicenow` answered 503 Service Unavailable")));
    let expected = (Outcome::Errored, "connection `servicenow` answered 503 Service Unavailable".to_owned());
    assert_eq!(given::measure(&check, &facts), expected);
}

#[test]
fn mistakes_are_found_when_the_file_is_read() {
    for (parameters, shows) in [
        ("x: 1", "unknown field `x`"),
        ("rejected: rejected", "demands nothing"),
        ("fields: { 'Short description': x }", "column name"),
        ("approval: []", "is empty"),
        ("approval: approved, rejected: approved", "also what `approval` must be"),
        ("state: [Closed], rejected: [closed]", "also what `state` must be"),
        ("state: { a: b }", "a value or a list of values"),
    ] {
        let found = given::problems(&yaml(parameters));
        assert!(found.iter().any(|problem| problem.contains(shows)), "{parameters}: {found:?}");
    }
    let other = yaml("approval: approved").replace("number: ChangeNumber", "number: Change");
    assert!(given::problems(&other)[0].contains("no input `Change`"));
}
