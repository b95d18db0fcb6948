//! The table of every route.

use super::route::{Content, Route, get, send};
use super::versions::Versions;
use super::{boards, build, checks, code, locations, logs, plans, quality, resources, timelines};
use crate::azure_devops::state::Area;

/// Callbacks are released in 7.1. Recorded traffic uses older versions, which are accepted too.
const CALLBACK: Versions = Versions { since: (2, 0), released: Some((4, 1)), revision: 2 };
/// Reading a plan is not documented. Its clients send previews.
const UNPUBLISHED: Versions = Versions::preview((5, 1), 2);
const STATES: Versions = Versions { since: (5, 1), released: Some((7, 0)), revision: 1 };
const TEST_RESULTS: Versions = Versions::preview((7, 1), 1);

/// Checks on resources never left preview.
const CHECKS: Versions = Versions::preview((6, 1), 1);
/// Secure files are not documented. Their clients send previews.
const SECURE_FILES: Versions = Versions::preview((5, 0), 1);

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    send("POST {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/events", Area::Plans, CALLBACK, plans::post_event),
    send("PATCH {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/timelines/{timeline}/records", Area::Plans, CALLBACK, timelines::update_records),
    get("GET {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/timelines/{timeline}/records", Area::Plans, UNPUBLISHED, timelines::get_records),
    send("POST {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/timelines/{timeline}/records/{record}/feed", Area::Plans, CALLBACK, timelines::append_feed),
    Route { body: Content::OctetStream, ..send("POST {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/logs/{log}", Area::Plans, CALLBACK, plans::append_log) },
    send("POST {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/logs", Area::Plans, CALLBACK, plans::create_log),
    get("GET {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/logs/{log}", Area::Plans, UNPUBLISHED, plans::get_log),
    get("GET {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/logs", Area::Plans, UNPUBLISHED, plans::list_logs),
    get("GET {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/timelines", Area::Plans, UNPUBLISHED, timelines::list),
    get("GET {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/timelines/{timeline}", Area::Plans, UNPUBLISHED, timelines::get),
    get("GET {project}/_apis/distributedtask/hubs/{hub}/plans/{plan}", Area::Plans, UNPUBLISHED, plans::get_plan),
    get("GET {project}/_apis/build/builds/{build}/timeline", Area::Build, Versions::released((5, 1), 3), build::timeline),
    get("GET {project}/_apis/build/builds/{build}/timeline/{timeline}", Area::Build, Versions::released((5, 1), 3), build::timeline),
    get("GET {project}/_apis/build/builds/{build}", Area::Build, Versions::released((5, 1), 8), build::get),
    get("GET {project}/_apis/build/builds", Area::Build, Versions::released((5, 1), 8), build::list),
    get("GET {project}/_apis/build/builds/{build}/workitems", Area::Build, Versions::released((5, 1), 2), build::work_items),
    send("POST {project}/_apis/build/builds/{build}/workitems", Area::Build, Versions::released((5, 1), 2), build::work_items_of_commits),
    get("GET {project}/_apis/build/builds/{build}/changes", Area::Build, Versions::released((5, 1), 2), build::changes),
    get("GET {project}/_apis/build/builds/{build}/artifacts", Area::Build, Versions::released((5, 1), 5), build::artifacts),
    get("GET {project}/_apis/build/builds/{build}/tags", Area::Build, Versions::released((5, 1), 3), build::tags),
    get("GET {project}/_apis/build/builds/{build}/logs", Area::Build, Versions::released((5, 1), 2), logs::list),
    get("GET {project}/_apis/build/builds/{build}/logs/{log}", Area::Build, Versions::released((5, 1), 2), logs::lines),
    get("GET {project}/_apis/build/definitions/{definition}", Area::Build, Versions::released((5, 1), 7), logs::definition),
    get("GET {project}/_apis/wit/workitems/{item}", Area::WorkItems, Versions::released((5, 1), 3), boards::get),
    get("GET _apis/wit/workitems/{item}", Area::WorkItems, Versions::released((5, 1), 3), boards::get),
    get("GET {project}/_apis/wit/workitems", Area::WorkItems, Versions::released((5, 1), 3), boards::list),
    get("GET _apis/wit/workitems", Area::WorkItems, Versions::released((5, 1), 3), boards::list),
    send("POST {project}/_apis/wit/workitemsbatch", Area::WorkItems, Versions::released((5, 1), 1), boards::batch),
    send("POST _apis/wit/workitemsbatch", Area::WorkItems, Versions::released((5, 1), 1), boards::batch),
    get("GET {project}/_apis/wit/workitemtypes/{type}/states", Area::WorkItems, STATES, boards::states),
    send("POST {project}/_apis/wit/wiql", Area::WorkItems, Versions::released((5, 1), 2), boards::wiql),
    send("POST {project}/{team}/_apis/wit/wiql", Area::WorkItems, Versions::released((5, 1), 2), boards::wiql),
    get("GET {project}/_apis/test/codecoverage", Area::Tests, STATES, quality::coverage),
    get("GET {project}/_apis/test/resultsummarybybuild", Area::Tests, Versions::preview((5, 1), 3), quality::test_summary),
    get("GET {project}/_apis/testresults/codecoverage", Area::Tests, TEST_RESULTS, quality::coverage),
    get("GET {project}/_apis/testresults/resultsummarybybuild", Area::Tests, TEST_RESULTS, quality::test_summary),
    send("POST {project}/_apis/git/repositories/{repository}/pullrequestquery", Area::Code, Versions::released((5, 1), 1), code::pull_request_query),
    get("GET {project}/_apis/git/repositories/{repository}/pullrequests/{pullrequest}", Area::Code, Versions::released((5, 1), 2), code::pull_request),
    get("GET {project}/_apis/git/repositories/{repository}/pullrequests/{pullrequest}/reviewers", Area::Code, Versions::released((5, 1), 1), code::reviewers),
    get("GET {project}/_apis/git/repositories/{repository}/pullrequests/{pullrequest}/workitems", Area::Code, Versions::released((5, 1), 1), code::work_items),
    get("GET {project}/_apis/git/repositories/{repository}/commits/{commit}", Area::Code, Versions::released((5, 1), 2), code::commit),
    get("GET _apis/projects", Area::Projects, Versions::released((5, 1), 4), resources::projects),
    get("GET _apis/projects/{project}", Area::Projects, Versions::released((5, 1), 4), resources::one_project),
    get("GET {project}/_apis/distributedtask/environments", Area::Environments, Versions { since: (6, 0), released: Some((7, 0)), revision: 1 }, resources::environments),
    get("GET {project}/_apis/distributedtask/environments/{id}", Area::Environments, Versions { since: (6, 0), released: Some((7, 0)), revision: 1 }, resources::environment),
    get("GET {project}/_apis/serviceendpoint/endpoints", Area::Endpoints, Versions { since: (5, 1), released: Some((7, 0)), revision: 4 }, resources::endpoints),
    get("GET {project}/_apis/serviceendpoint/endpoints/{id}", Area::Endpoints, Versions { since: (5, 1), released: Some((7, 0)), revision: 4 }, resources::endpoint),
    get("GET {project}/_apis/git/repositories", Area::Code, Versions::released((5, 1), 2), resources::repositories),
    get("GET {project}/_apis/git/repositories/{id}", Area::Code, Versions::released((5, 1), 2), resources::repository),
    get("GET {project}/_apis/distributedtask/variablegroups", Area::Library, Versions { since: (5, 1), released: Some((7, 0)), revision: 2 }, resources::variable_groups),
    get("GET {project}/_apis/distributedtask/variablegroups/{id}", Area::Library, Versions { since: (5, 1), released: Some((7, 0)), revision: 2 }, resources::variable_group),
    get("GET {project}/_apis/distributedtask/securefiles", Area::Library, SECURE_FILES, resources::secure_files),
    get("GET {project}/_apis/distributedtask/securefiles/{id}", Area::Library, SECURE_FILES, resources::secure_file),
    get("GET {project}/_apis/distributedtask/queues", Area::Queues, Versions { since: (5, 1), released: Some((7, 0)), revision: 1 }, resources::queues),
    get("GET {project}/_apis/distributedtask/queues/{id}", Area::Queues, Versions { since: (5, 1), released: Some((7, 0)), revision: 1 }, resources::queue),
    get("GET {project}/_apis/pipelines/checks/configurations", Area::ViewChecks, CHECKS, checks::of_resource),
    get("GET {project}/_apis/pipelines/checks/configurations/{id}", Area::ViewChecks, CHECKS, checks::get),
    send("POST {project}/_apis/pipelines/checks/configurations", Area::ManageChecks, CHECKS, checks::create),
    send("PATCH {project}/_apis/pipelines/checks/configurations/{id}", Area::ManageChecks, CHECKS, checks::update),
    get("DELETE {project}/_apis/pipelines/checks/configurations/{id}", Area::ManageChecks, CHECKS, checks::delete),
    send("POST {project}/_apis/pipelines/checks/queryconfigurations", Area::ViewChecks, CHECKS, checks::query),
    get("GET _apis/resourceareas", Area::Projects, Versions { since: (3, 2), released: None, revision: 1 }, locations::areas),
    get("GET _apis/connectiondata", Area::Projects, Versions::UNVERSIONED, locations::connection),
    get("OPTIONS _apis/{area}", Area::Projects, Versions::UNVERSIONED, locations::locations),
    get("OPTIONS _apis", Area::Projects, Versions::UNVERSIONED, locations::locations),
];
