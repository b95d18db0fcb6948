// The official client of Azure DevOps drives the simulated service through its own discovery.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { before, describe, it } from "node:test";
import { WebApi, getBearerHandler } from "azure-devops-node-api";
import * as builds from "azure-devops-node-api/interfaces/BuildInterfaces.js";
import * as git from "azure-devops-node-api/interfaces/GitInterfaces.js";
import * as tasks from "azure-devops-node-api/interfaces/TaskAgentInterfaces.js";
import * as tests from "azure-devops-node-api/interfaces/TestInterfaces.js";
import * as wit from "azure-devops-node-api/interfaces/WorkItemTrackingInterfaces.js";

/** What the test in Rust has set up. */
const given = JSON.parse(process.env.GIVEN);
const { url, token, project, hub, plan, timeline, job, task, run, commit, repository } = given;
const planUrl = `${url}${project}/_apis/distributedtask/hubs/${hub}/plans/${plan}`;

describe("the official client works with the simulated service", () => {
  const client = new WebApi(url, getBearerHandler(token));
  let task_, build, boards, test, results, repos;

  before(async () => {
    task_ = await client.getTaskApi();
    build = await client.getBuildApi();
    boards = await client.getWorkItemTrackingApi();
    test = await client.getTestApi();
    results = await client.getTestResultsApi();
    repos = await client.getGitApi();
  });

  // One row for each call: its name, the call, and what its answer must be.
  const good = [
    ["connect", () => client.connect(), (it) => assert.match(it.authenticatedUser.providerDisplayName, /Build Service/)],

    ["getPlan", () => task_.getPlan(project, hub, plan), (it) => assert.equal(it.planId, plan)],
    ["getRecords", () => task_.getRecords(project, hub, plan, timeline), (it) => assert.ok(it.some((record) => record.id === task && record.state === tasks.TimelineRecordState.Pending))],
    ["getTimeline", () => task_.getTimeline(project, hub, plan, timeline, undefined, true), (it) => assert.ok(it.id === timeline && it.records.length >= 2)],
    ["getTimelines", () => task_.getTimelines(project, hub, plan), (it) => assert.deepEqual(it.map((one) => one.id), [timeline])],
    ["createLog", () => task_.createLog({ path: "logs\\check" }, project, hub, plan), (it) => assert.equal(it.id, 1)],
    ["appendLogContent", () => task_.appendLogContent({}, Readable.from([Buffer.from("first\nsecond\n")]), project, hub, plan, 1), (it) => assert.equal(it.lineCount, 2)],
    ["getLog", () => task_.getLog(project, hub, plan, 1), (it) => assert.deepEqual(it, ["first", "second"])],
    ["getLog with lines", () => task_.getLog(project, hub, plan, 1, 1, 1), (it) => assert.deepEqual(it, ["second"])],
    ["getLogs", () => task_.getLogs(project, hub, plan), (it) => assert.deepEqual(it.map((log) => log.path), ["logs\\check"])],
    ["updateRecords with words", () => task_.updateRecords({ count: 1, value: [{ id: task, state: "inProgress", currentOperation: "Waiting" }] }, project, hub, plan, timeline), (it) => assert.equal(it[0].state, tasks.TimelineRecordState.InProgress)],
    ["updateRecords with numbers", () => task_.updateRecords({ count: 1, value: [{ id: task, state: tasks.TimelineRecordState.InProgress, log: { id: 1 }, issues: [{ type: tasks.IssueType.Warning, message: "late" }] }] }, project, hub, plan, timeline), (it) => assert.equal(it[0].issues[0].type, tasks.IssueType.Warning)],
    ["appendTimelineRecordFeed", () => task_.appendTimelineRecordFeed({ count: 1, value: ["a line"], stepId: task }, project, hub, plan, timeline, task).then(() => "no content; the test in Rust looks whether it arrived"), () => {}],

    ["getBuild", () => build.getBuild(project, run), (it) => assert.ok(it.status === builds.BuildStatus.InProgress && it.reason === builds.BuildReason.IndividualCI)],
    ["getBuilds", () => build.getBuilds(project, [12]), (it) => assert.deepEqual(it.map((one) => one.id), [run])],
    ["getBuilds of a status", () => build.getBuilds(project, undefined, undefined, undefined, undefined, undefined, undefined, undefined, builds.BuildStatus.Completed), (it) => assert.deepEqual([...it], [])],
    ["getBuildTimeline", () => build.getBuildTimeline(project, run), (it) => assert.ok(it.records.some((record) => record.type === "Task" && record.state === builds.TimelineRecordState.Completed && record.result === builds.TaskResult.Succeeded))],
    ["getBuildChanges", () => build.getBuildChanges(project, run), (it) => assert.equal(it.length, 1)],
    ["getBuildWorkItemsRefs", () => build.getBuildWorkItemsRefs(project, run), (it) => assert.deepEqual(it.map((one) => one.id), ["42"])],
    ["getBuildWorkItemsRefsFromCommits", () => build.getBuildWorkItemsRefsFromCommits([commit], project, run), (it) => assert.deepEqual(it.map((one) => one.id), ["42"])],
    ["getArtifacts", () => build.getArtifacts(project, run), (it) => assert.deepEqual(it.map((one) => one.name), ["drop"])],
    ["getBuildTags", () => build.getBuildTags(project, run), (it) => assert.deepEqual([...it], ["release"])],
    ["getBuildLogs", () => build.getBuildLogs(project, run), (it) => assert.deepEqual(it.map((log) => log.id), [1])],
    ["getBuildLogLines", () => build.getBuildLogLines(project, run, 1), (it) => assert.match(it[0], /CmdLine/)],
    ["getDefinition", () => build.getDefinition(project, 12), (it) => assert.equal(it.name, "FabrikamFiber CD")],

    ["getWorkItem of the organization", () => boards.getWorkItem(42), (it) => assert.equal(it.fields["System.State"], "Active")],
    ["getWorkItem of the project", () => boards.getWorkItem(42, ["System.Title"], undefined, undefined, project), (it) => assert.deepEqual(Object.keys(it.fields), ["System.Title"])],
    ["getWorkItem with everything", () => boards.getWorkItem(42, undefined, undefined, wit.WorkItemExpand.All, project), (it) => assert.equal(it.id, 42)],
    ["getWorkItems", () => boards.getWorkItems([42], undefined, undefined, undefined, wit.WorkItemErrorPolicy.Fail, project), (it) => assert.equal(it.length, 1)],
    ["getWorkItems without those that do not exist", () => boards.getWorkItems([42, 999], undefined, undefined, undefined, wit.WorkItemErrorPolicy.Omit, project), (it) => assert.deepEqual(it.map((one) => one?.id ?? null), [42, null])],
    ["getWorkItemsBatch", () => boards.getWorkItemsBatch({ ids: [42, 999], fields: ["System.State"], errorPolicy: wit.WorkItemErrorPolicy.Omit }, project), (it) => assert.deepEqual(it.map((one) => one?.id ?? null), [42, null])],
    ["getWorkItemTypeStates", () => boards.getWorkItemTypeStates(project, "User Story"), (it) => assert.ok(it.some((state) => state.name === "Closed" && state.category === "Completed"))],
    ["queryByWiql", () => boards.queryByWiql({ query: "SELECT [System.Id] FROM WorkItems" }, { project }), (it) => assert.deepEqual(it.workItems.map((one) => one.id), [42])],

    ["test: getCodeCoverageSummary", () => test.getCodeCoverageSummary(project, run), (it) => assert.equal(it.coverageData[0].coverageStats[0].covered, 81)],
    ["test: getBuildCodeCoverage", () => test.getBuildCodeCoverage(project, run, 7), (it) => assert.deepEqual([...it], [])],
    ["test: queryTestResultsReportForBuild", () => test.queryTestResultsReportForBuild(project, run), (it) => assert.equal(it.aggregatedResultsAnalysis.totalTests, 3)],
    ["results: getCodeCoverageSummary", () => results.getCodeCoverageSummary(project, run), (it) => assert.equal(it.status, tests.CoverageSummaryStatus.Completed)],
    ["results: queryTestResultsReportForBuild", () => results.queryTestResultsReportForBuild(project, run), (it) => assert.equal(it.aggregatedResultsAnalysis.totalTests, 3)],

    ["getPullRequest", () => repos.getPullRequest(repository, 7, project), (it) => assert.equal(it.status, git.PullRequestStatus.Active)],
    ["getPullRequestReviewers", () => repos.getPullRequestReviewers(repository, 7, project), (it) => assert.deepEqual(it.map((one) => one.vote), [10])],
    ["getPullRequestWorkItemRefs", () => repos.getPullRequestWorkItemRefs(repository, 7, project), (it) => assert.deepEqual(it.map((one) => one.id), ["42"])],
    ["getPullRequestQuery by commit", () => repos.getPullRequestQuery({ queries: [{ type: git.GitPullRequestQueryType.Commit, items: [commit] }] }, repository, project), (it) => assert.equal(it.results[0][commit][0].pullRequestId, 7)],
    ["getPullRequestQuery by merge", () => repos.getPullRequestQuery({ queries: [{ type: git.GitPullRequestQueryType.LastMergeCommit, items: [commit] }] }, repository, project), (it) => assert.equal(it.results[0][commit].length, 1)],

    ["the decision", () => client.rest.create(`${planUrl}/events?api-version=7.1`, { name: "TaskCompleted", taskId: task, jobId: job, result: "succeeded" }), (it) => assert.equal(it.statusCode, 204)],
    ["getPlan after the decision", () => task_.getPlan(project, hub, plan), (it) => assert.equal(it.state, tasks.TaskOrchestrationPlanState.Completed)],
    ["getRecords after the decision", () => task_.getRecords(project, hub, plan, timeline), (it) => assert.equal(it.find((record) => record.id === task).result, tasks.TaskResult.Succeeded)],
  ];
  for (const [name, call, expect] of good) {
    it(`accepts ${name}`, async () => {
      const answer = await call();
      // The client takes 404 for null.
      assert.notEqual(answer, null, "the answer is null, so the status was 404");
      expect(answer);
    });
  }
  it("enough calls were made", () => assert.ok(good.length >= 38, String(good.length)));
});

describe("the simulated service refuses what the service refuses", () => {
  const client = new WebApi(url, getBearerHandler(token));
  const status = async (call) => {
    try {
      const answer = await call();
      return answer === null ? 404 : (answer.statusCode ?? 200);
    } catch (error) {
      return error.statusCode;
    }
  };
  const api = `${url}${project}/_apis`;
  const event = (changes) => client.rest.create(`${planUrl}/events?api-version=7.1`, { name: "TaskCompleted", taskId: task, jobId: job, result: "succeeded", ...changes });
  const wrong = [
    ["a wrong token", async () => (await new WebApi(url, getBearerHandler("wrong")).getBuildApi()).getBuild(project, run), 401],
    ["an unknown run", async () => (await client.getBuildApi()).getBuild(project, 999), 404],
    ["an unknown project", async () => (await client.getBuildApi()).getBuild("Nowhere", run), 404],
    ["an unknown plan", async () => (await client.getTaskApi()).getPlan(project, hub, job), 404],
    ["an unknown type", async () => (await client.getWorkItemTrackingApi()).getWorkItemTypeStates(project, "Wish"), 404],
    ["expand with fields", async () => (await client.getWorkItemTrackingApi()).getWorkItem(42, ["System.Title"], undefined, wit.WorkItemExpand.All, project), 400],
    ["201 work items", async () => (await client.getWorkItemTrackingApi()).getWorkItems(Array.from({ length: 201 }, (_, id) => id + 1), undefined, undefined, undefined, undefined, project), 400],
    ["an unknown member of a record", async () => (await client.getTaskApi()).updateRecords({ count: 1, value: [{ id: task, colour: "red" }] }, project, hub, plan, timeline), 400],
    ["a number that no state has", async () => (await client.getTaskApi()).updateRecords({ count: 1, value: [{ id: task, state: 9 }] }, project, hub, plan, timeline), 400],
    ["no version", () => client.rest.get(`${api}/build/builds/${run}`), 400],
    ["version 9.9", () => client.rest.get(`${api}/build/builds/${run}?api-version=9.9`), 400],
    ["a preview without its flag", () => client.rest.get(`${api}/testresults/codecoverage?buildId=${run}&api-version=7.1`), 400],
    ["a log as JSON", () => client.rest.create(`${planUrl}/logs/1?api-version=7.1`, { text: "a line" }), 415],
    ["an event of another task", () => event({ taskId: job }), 500],
    ["an unknown result", () => event({ result: "perhaps" }), 400],
    ["a second decision", () => event({}), 500],
    ["DELETE of a run", () => client.rest.del(`${api}/build/builds/${run}?api-version=7.1`), 405],
    ["an unknown query", async () => (await client.getWorkItemTrackingApi()).queryByWiql({ query: "SELECT nothing" }, { project }), 400],
  ];
  for (const [name, call, expected] of wrong) {
    it(`refuses ${name}`, async () => assert.equal(await status(call), expected));
  }
  it("enough calls were refused", () => assert.ok(wrong.length >= 10, String(wrong.length)));
});
