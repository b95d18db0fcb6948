//! What other systems answer, read as the answer to every request, and what follows for every kind that asks them.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use checkgate::check::Check;
use checkgate::facts::fuzzing::of_sources;
use checkgate::sources::calendar::{CalendarFile, Zones};
use checkgate::sources::fuzzing::Asked;
use checkgate::sources::http::HttpRequest;
use checkgate::sources::jira::Deployment;
use checkgate::sources::metrics::{Query, Samples};
use checkgate::sources::service_now::ChangeRequests;
use checkgate::sources::sonar::CommitAnalysis;
use checkgate_fuzz as fuzz;
use chrono_tz::Tz;
use libfuzzer_sys::fuzz_target;

/// The commit whose analysis is looked for.
const COMMIT: &str = "6fb3a7c1d2e4f50918273645a0b1c2d3e4f50617";

static SETUP: LazyLock<(Check, Asked)> = LazyLock::new(|| {
    let mut file = fuzz::file(
        "connections:
  snow: { serviceNow: { instance: 'https://x.example', clientId: a, clientSecret: b } }
  prometheus: { prometheus: { url: 'https://x.example' } }
  logs: { logAnalytics: { workspaceId: w } }
  insights: { applicationInsights: { appId: a } }
  monitor: { azureMonitor: {} }
  sonar: { http: { url: 'https://x.example' } }
checks:
  a:
    inputs: { Number: {} }
    conditions:
      - serviceNowChange:
          { connection: snow, number: Number, fields: { risk: [ Low, '4' ] }, approval: approved, withinWindow: true }
      - metric: { connection: prometheus, query: q, successCondition: result < 0.5 }
      - metric: { connection: logs, query: q, successCondition: 'result.all(r, r < 0.5)' }
      - metric: { connection: monitor, resource: /subscriptions/s, metric: m, aggregation: Total,
                  successCondition: result < 5, onNoData: pass }
      - sonarQualityGate: { connection: sonar, project: web }
      - jiraIssues: { connection: sonar, jql: 'project = WEB', statusCategory: Done }
      - jiraIssues: { connection: sonar, deployment: dataCenter, jql: 'project = WEB', statuses: [ Done ] }
      - advancedSecurityAlerts: { connection: sonar, types: [ secret ] }
      - freezeCalendar: { connection: sonar, path: c.ics, title: '*freeze*' }",
    );
    let text = |connection: &str| Samples { connection: connection.to_owned(), query: Query::Text("q".to_owned()) };
    let query = Query::Metric {
        resource: "/subscriptions/s".to_owned(),
        metric: "m".to_owned(),
        aggregation: "Total".to_owned(),
        window: 300,
        namespace: None,
        filter: None,
    };
    let fields = ["approval", "end_date", "risk", "start_date"].map(str::to_owned).to_vec();
    let (connection, number) = ("snow".to_owned(), fuzz::CHANGE.to_owned());
    let table = "change_request".to_owned();
    let change = ChangeRequests { connection, table, number, fields };
    let request = HttpRequest { connection: "sonar".to_owned(), post: false, path: "api".to_owned(), body: None };
    let mut asked = Asked::of(&file.connections);
    asked.samples = vec![text("prometheus"), text("logs"), Samples { connection: "monitor".to_owned(), query }];
    asked.changes = vec![change];
    asked.requests = vec![request];
    let project = "web".to_owned();
    asked.analyses = vec![(CommitAnalysis { connection: "sonar".to_owned(), project }, COMMIT.to_owned())];
    asked.issues = [Deployment::Cloud, Deployment::DataCenter].map(|deployment| ("sonar".to_owned(), deployment)).to_vec();
    asked.alerts = vec!["sonar".to_owned()];
    let zones = Zones { floating: Tz::UTC, named: BTreeMap::new() };
    asked.calendars = vec![CalendarFile { connection: "sonar".to_owned(), path: "c.ics".to_owned(), zones }];
    (fuzz::check(file.checks.remove("a").expect("the check")), asked)
});

fuzz_target!(
    init: fuzz::let_cel_panic(),
    |data: &[u8]| {
        let Some((status, line, body)) = fuzz::answer(data) else { return };
        let (check, asked) = &*SETUP;
        let facts = of_sources(asked, status, &String::from_utf8_lossy(line), body, fuzz::now());
        if fuzz::is_json(body) || body.starts_with(b"BEGIN:VCALENDAR") {
            fuzz::evaluate(check, &facts);
        }
    }
);
