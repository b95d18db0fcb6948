//! `pullRequest`: the run's commit came through a pull request that enough other people approved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::azure_devops::build::{Identity, Run};
use crate::azure_devops::pull_requests::PullRequest as Request;
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope, WhenNotMet};
use crate::facts::pull_requests::RunPullRequests;
use crate::facts::run::RunDetails;
use crate::facts::{Facts, Wanted};
use crate::yaml::Problems;

/// The parameters of `pullRequest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PullRequest {
    /// How many people must have approved, with or without suggestions.
    #[schemars(range(min = 1))]
    approvals: usize,
    /// Whether the approval of the author of the pull request counts.
    #[serde(default)]
    author_may_approve: bool,
    /// Whether the approval of the person who requested the run counts.
    #[serde(default)]
    requester_may_approve: bool,
}

/// The votes of one pull request.
struct Votes {
    approved_by: Vec<String>,
    /// Votes that do not help, in words.
    others: Vec<String>,
}

impl PullRequest {
    fn wanted(&self) -> String {
        match self.approvals {
            1 => "1 approval".to_owned(),
            count => format!("{count} approvals"),
        }
    }

    /// Counts the votes. Fails when it is not known whose votes must not count.
    fn count(&self, request: &Request, run: &Run) -> Result<Votes, String> {
        let excluded = |may_approve: bool, person: &Option<Identity>, role: &'static str| match person {
            _ if may_approve => Ok(None),
            Some(person) if person.is_known() => Ok(Some((person.clone(), role))),
            _ => Err(format!("Azure DevOps does not say who {role}")),
        };
        let author = excluded(self.author_may_approve, &request.created_by, "opened the pull request")?;
        let requester = excluded(self.requester_may_approve, &run.requested_for, "requested the run")?;
        let mut votes = Votes { approved_by: Vec::new(), others: Vec::new() };
        let people: Vec<_> = request.reviewers.iter().filter(|reviewer| !reviewer.is_container).collect();
        for (index, reviewer) in people.iter().enumerate() {
            let is = |who: &Identity| {
                who.is_same(&reviewer.identity).ok_or_else(|| "Azure DevOps does not say who a reviewer is".to_owned())
            };
            let earlier = people[..index].iter().map(|earlier| is(&earlier.identity)).collect::<Result<Vec<_>, _>>()?;
            if earlier.contains(&true) {
                continue;
            }
            let name = &reviewer.identity.display_name;
            let mut barred = None;
            for (who, role) in [&author, &requester].into_iter().flatten() {
                if is(who)? {
                    barred = barred.or(Some(role));
                }
            }
            match (reviewer.vote, barred) {
                (5 | 10, None) => votes.approved_by.push(name.clone()),
                (5 | 10, Some(role)) => votes.others.push(format!("{name} approved, but {role}")),
                (-10, _) => votes.others.push(format!("{name} rejected")),
                (-5, _) => votes.others.push(format!("{name} waits for the author")),
                _ => {}
            }
        }
        Ok(votes)
    }

    fn judge(&self, requests: &[Request], run: &Run, expected: String) -> Finding {
        let mut described = Vec::new();
        for request in requests {
            let votes = match self.count(request, run) {
                Ok(votes) => votes,
                Err(why) => return Finding::errored(why, expected),
            };
            let by = match votes.approved_by.as_slice() {
                [] => "no approval that counts".to_owned(),
                names => format!("approved by {}", names.join(", ")),
            };
            let others: String = votes.others.iter().map(|vote| format!("; {vote}")).collect();
            let found = format!("pull request {} \"{}\": {by}{others}", request.id, request.title);
            if votes.approved_by.len() >= self.approvals {
                return Finding::new(Outcome::Passed, found, expected);
            }
            described.push(found);
        }
        let ids: Vec<String> = requests.iter().map(|request| request.id.to_string()).collect();
        let remedy = format!("let others approve pull request {}", ids.join(" or "));
        Finding::new(Outcome::NotMet, described.join(" | "), expected).remedy(remedy)
    }
}

impl Rule for PullRequest {
    fn describe(&self) -> String {
        format!("the pull request of the run's commit has {} of other people", self.wanted())
    }

    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Wait
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        if self.approvals == 0 {
            problems.push("approvals", "0 would let everything pass; write at least 1");
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(RunDetails);
        wanted.add(RunPullRequests);
    }

    fn evaluate(&self, facts: &Facts, _: &Scope<'_>) -> Finding {
        let expected = format!("a pull request with {}", self.wanted());
        let (run, requests) = match (facts.get(&RunDetails), facts.get(&RunPullRequests)) {
            (Ok(run), Ok(requests)) => (run, requests),
            (Err(error), _) | (_, Err(error)) => return Finding::errored(error.why, expected),
        };
        if requests.is_empty() {
            let commit: String = run.source_version.chars().take(8).collect();
            let found = format!("no pull request brought commit {commit} of {}", run.source_branch);
            return Finding::new(Outcome::NotMet, found, expected)
                .remedy("bring the change through a pull request, and run the pipeline on its merge");
        }
        self.judge(&requests, &run, expected)
    }

    fn reads_run(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::{Value, json};

    use super::*;
    use crate::conditions::testing::{check_of, measure, refused};
    use crate::facts::FactError;

    fn vote(name: &str, vote: i32) -> Value {
        json!({ "id": format!("id of {name}"), "displayName": name, "vote": vote })
    }

    fn facts(requests: Value) -> Facts {
        let run = json!({
            "id": 7,
            "sourceBranch": "refs/heads/main",
            "sourceVersion": "0123456789abcdef",
            "requestedFor": { "id": "ID OF Rob", "displayName": "Rob" },
        });
        let mut facts = Facts::default();
        facts.insert(RunDetails, Ok(serde_json::from_value(run).expect("a run")));
        facts.insert(RunPullRequests, Ok(serde_json::from_value(requests).expect("pull requests")));
        facts
    }

    fn request(id: u64, reviewers: &[Value]) -> Value {
        let author = json!({ "id": "id of Ann", "displayName": "Ann" });
        json!({ "pullRequestId": id, "title": "Fix it", "createdBy": author, "reviewers": reviewers })
    }

    #[track_caller]
    fn check(condition: &str, requests: Value, measured: Outcome, found: &str) {
        let finding = measure(&format!("pullRequest: {{ {condition} }}"), &facts(requests), TimeDelta::zero());
        assert_eq!((finding.outcome, finding.found.as_str()), (measured, found));
    }

    #[test]
    fn approvals_of_other_people_count() {
        let both = [vote("Bob", 10), vote("Cy", 5)];
        let approved = "pull request 3 \"Fix it\": approved by Bob, Cy";
        check("approvals: 2", json!([request(3, &both)]), Outcome::Passed, approved);
        check("approvals: 3", json!([request(3, &both)]), Outcome::NotMet, approved);
        let none = [vote("Bob", 0), vote("Cy", -5), vote("Di", -10)];
        let refused = "pull request 3 \"Fix it\": no approval that counts; Cy waits for the author; Di rejected";
        check("approvals: 1", json!([request(3, &none)]), Outcome::NotMet, refused);
        let mut group = vote("Team", 10);
        group["isContainer"] = json!(true);
        let no_one = "pull request 3 \"Fix it\": no approval that counts";
        check("approvals: 1", json!([request(3, &[group])]), Outcome::NotMet, no_one);
    }

    #[test]
    fn author_and_requester_do_not_count_unless_allowed() {
        let own = || json!([request(3, &[vote("Ann", 10), vote("Rob", 10)])]);
        let found = "pull request 3 \"Fix it\": no approval that counts; Ann approved, but opened the pull request; Rob approved, but requested the run";
        check("approvals: 1", own(), Outcome::NotMet, found);
        let found = "pull request 3 \"Fix it\": approved by Ann; Rob approved, but requested the run";
        check("approvals: 1, authorMayApprove: true", own(), Outcome::Passed, found);
        let found = "pull request 3 \"Fix it\": approved by Rob; Ann approved, but opened the pull request";
        check("approvals: 1, requesterMayApprove: true", own(), Outcome::Passed, found);
        check("approvals: 2, requesterMayApprove: true", own(), Outcome::NotMet, found);
    }

    #[test]
    fn a_person_without_an_id_or_name_cannot_be_excluded() {
        let mut anonymous = request(3, &[vote("Bob", 10)]);
        anonymous["createdBy"] = Value::Null;
        let found = "Azure DevOps does not say who opened the pull request";
        check("approvals: 1", json!([anonymous]), Outcome::Errored, found);
    }

    #[test]
    fn one_of_several_pull_requests_is_enough_and_one_is_needed() {
        let requests = json!([request(4, &[]), request(3, &[vote("Bob", 10)])]);
        check("approvals: 1", requests, Outcome::Passed, "pull request 3 \"Fix it\": approved by Bob");
        let none = "no pull request brought commit 01234567 of refs/heads/main";
        check("approvals: 1", json!([]), Outcome::NotMet, none);
        let mut elsewhere = facts(json!([]));
        elsewhere.insert(RunPullRequests, Err(FactError::because("the run's repository is of type GitHub")));
        let finding = measure("pullRequest: { approvals: 1 }", &elsewhere, TimeDelta::zero());
        assert_eq!(finding.outcome, Outcome::Errored);
        let check = check_of("pullRequest: { approvals: 1 }");
        assert_eq!(check.definition.conditions[0].kind.when_not_met(), WhenNotMet::Wait);
    }

    #[test]
    fn wrong_parameters_name_key_and_fix() {
        refused("pullRequest: { approvals: 0 }", &["pullRequest.approvals", "at least 1"]);
        refused("pullRequest: {}", &["approvals"]);
        refused("pullRequest: { approvals: 1, authorCanApprove: true }", &["did you mean `authorMayApprove`?"]);
    }
}
