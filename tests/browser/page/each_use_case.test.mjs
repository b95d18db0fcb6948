// Every use case: started, its control used, its end seen.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Page, begin } from "./harness.mjs";

describe("each use case is one click, and its control decides it", () => {
  let demo, browser, page;
  before(async () => {
    [demo, browser] = await begin();
    page = await Page.open(browser, demo);
  });
  after(async () => {
    try {
      await page.close();
    } finally {
      await browser.close();
      await demo.stop();
    }
  });

  /** Waits until the conditions of an ended check only say what was seen last. */
  async function wasLastSeen(name) {
    const conditions = page.check(name).locator(".conditions");
    await conditions.getByText("Last seen: Waiting").first().waitFor();
    assert.equal(await conditions.locator(".status-waiting").count(), 0);
    assert.equal(await conditions.getByText("to change this").count(), 0);
  }

  it("a stage waits until its work item is closed", async () => {
    await page.start("Work item");
    await page.stage("Waiting");
    await page.found("work-item-completed", 'User Story 42 "Work item 42" is Active');
    await page.tab.getByText("1 check must pass before this run can continue to Deploy").waitFor();
    await page.tab.getByRole("timer").filter({ hasText: /Next evaluation in \d+ s|Evaluating now/ }).waitFor();
    await page.evaluated("work-item-completed", 2);
    const first = page.tab.locator(".world li.card").first();
    assert.match(await first.innerText(), /User Story 42.*try this/s);
    await page.button("Close it").click();
    await page.stage("Succeeded");
    await page.log("work-item-completed", "Decision: succeeded");
    await page.check("work-item-completed").getByText(/Decision sent at .*: succeeded/).waitFor();
    // Nothing asks for a click any more.
    assert.equal(await page.tab.locator(".world .tag, .world button.first").count(), 0);
    assert.ok(await page.button("Close it").isDisabled());
  });

  it("a long line of the log wraps", async () => {
    await page.start("Work item");
    await page.evaluated("work-item-completed", 3);
    const log = page.check("work-item-completed").getByRole("region", { name: "Log of work-item-completed" });
    assert.ok(await log.evaluate((it) => it.scrollWidth <= it.clientWidth), "it does not scroll sideways");
  });

  it("a run that has executed a CmdLine task passes, and one without it fails", async () => {
    await page.start("CmdLine task");
    await page.stage("Succeeded");
    await page.log("cmdline-executed", "Decision: succeeded");
    await page.button("Leave it out").click();
    await page.button("New run").click();
    await page.stage("Failed");
    await page.log("cmdline-executed", "Decision: failed");
  });

  it("a change with a wrong category fails, and passes once it is corrected and the stage rerun", async () => {
    await page.start("Change information");
    await page.stage("Failed");
    await page.log("change-information", "category is Hardware");
    await page.tab.getByText(/^The check change-information failed: .*category is Hardware/).waitFor();
    await page.button("Set to Software").click();
    await page.button("Rerun stage").click();
    await page.stage("Succeeded");
    await page.tab.getByText("attempt 2").waitFor();
  });

  it("an approved change lets the stage run, and a rejected one fails it", async () => {
    await page.start("Change approval");
    await page.stage("Waiting");
    await page.button("Approve").click();
    await page.stage("Succeeded");
    await page.start("Change approval");
    await page.stage("Waiting");
    await page.button("Reject").click();
    await page.stage("Failed");
    await page.log("change-approved", "Decision: failed");
    await page.tab.getByText(/^The check change-approved failed: .*approval is Rejected/).waitFor();
  });

  it("exactly 80 % coverage fails, and a new run with 81 % passes", async () => {
    await page.start("Code coverage");
    await page.stage("Failed");
    await page.log("code-coverage", "80 of 100");
    await page.button("Cover 81").click();
    await page.button("New run").click();
    await page.stage("Succeeded");
    await page.log("code-coverage", "81 of 100");
  });

  it("a canary passes with one bad measurement, and fails with two", async () => {
    await page.start("Canary");
    await page.check("canary-performance").locator("tbody tr").nth(0).waitFor();
    await page.button("Set to 0.1").click();
    await page.check("canary-performance").locator("tbody tr", { hasText: "failed" }).nth(1).waitFor();
    await page.stage("Failed");
    await page.log("canary-performance", "2 failed (failureLimit 1)");
    const chart = page.check("canary-performance").getByRole("img", { name: /Measurements of canary_error_rate.*threshold 0.05/ });
    await chart.waitFor();
    assert.ok((await chart.locator(".dot").count()) >= 2);
    assert.equal(await chart.locator(".limit").count(), 1);

    await page.start("Canary");
    await page.stage("Succeeded");
    assert.equal(await page.check("canary-performance").locator("tbody tr", { hasText: "successful" }).count(), 3);
  });

  it("a push is no reason to deploy, and a run by hand is", async () => {
    await page.start("Reason");
    await page.stage("Failed");
    await page.found("manual-run", "reason IndividualCI");
    await page.button("Manual").click();
    await page.button("New run").click();
    await page.stage("Succeeded");
    await page.check("manual-run").getByRole("region", { name: "Delivery of manual-run" }).filter({ hasText: '"status":"successful"' }).waitFor();
  });

  it("Azure Pipelines asks an ApiResponse check again until its answer passes", async () => {
    await page.start("Asked again");
    await page.evaluated("release-tag", 2);
    await page.stage("Waiting");
    await page.check("release-tag").getByText("Passed").waitFor({ state: "detached" });
    await page.button("Give the tag").click();
    await page.stage("Succeeded");
  });

  it("a closed window opens when the clock gets there", async () => {
    await page.start("Office hours");
    await page.found("office-hours", /closed at/);
    await page.stage("Waiting");
    await page.button(/^Go to/).click();
    await page.stage("Succeeded");
    await page.log("office-hours", "Decision: succeeded");
  });

  it("a quality gate that SonarQube has not computed yet is awaited, and its answer decides", async () => {
    await page.start("Quality gate");
    await page.found("quality-gate", /sonar has no analysis of commit [0-9a-f]{8} of refs\/heads\/main yet/);
    await page.stage("Waiting");
    await page.button("Pass it").click();
    await page.stage("Succeeded");
    await page.start("Quality gate");
    await page.stage("Waiting");
    await page.button("Fail it").click();
    await page.stage("Failed");
    await page.log("quality-gate", "the quality gate says ERROR");
  });

  // For each: its check, what it waits for, the click, and what the log then says.
  for (const [title, check, awaits, button, says] of [
    ["Jira issue", "issues-done", 'WEB-12 "About WEB-12" is In Progress', "Set to Done", "all 1 are: WEB-12"],
    ["Security alert", "no-alerts", 'alert 1 "Alert 1" (code, high)', "Fix it", "none of 0 open alerts matters"],
    ["Change freeze", "no-freeze", 'frozen by "Change freeze"', "End it", "none of 1 events is on"],
    ["Other pipeline", "staging-run", /run \S+ of Pipeline 7 has not ended/, "Let it succeed", "of Pipeline 7 ended"],
  ]) {
    it(`a check waits for what other systems say: ${title}`, async () => {
      await page.start(title);
      await page.found(check, awaits);
      await page.stage("Waiting");
      await page.button(button).click();
      await page.stage("Succeeded");
      await page.log(check, says);
    });
  }

  it("a run fails once a newer one has taken its place, and names it", async () => {
    await page.start("Newer run");
    await page.found("newest-run", "is the newest on refs/heads/main");
    await page.stage("Waiting");
    await page.button("Queue a newer run").click();
    await page.stage("Failed");
    await page.tab.getByText(/^The check newest-run failed: .*superseded: run \S+ of the same pipeline and branch is newer/).waitFor();
  });

  it("Slack, Teams and a receiver of events are told that a check waits, that its time nears its end, and what was decided", async () => {
    const notices = page.tab.locator(".notices li");
    /** Waits until each receiver has a notice with this title. */
    async function told(title, type) {
      for (const receiver of ["Slack", "Teams"]) {
        const notice = notices.filter({ hasText: receiver }).filter({ has: page.tab.getByRole("heading", { name: title }) });
        await notice.getByText("Open the run").waitFor();
      }
      await notices.getByRole("heading", { name: `dev.checkgate.check.${type}.v1` }).waitFor();
    }
    await page.start("Slack and Teams");
    await told(/^Check announced for run \S+ of FabrikamFiber CD waits$/, "waiting");
    await told(/still waits, and its time is nearly over$/, "expiring");
    await page.button("Close it").click();
    await page.stage("Succeeded");
    await told(/^Check announced for run \S+ of FabrikamFiber CD succeeded$/, "decided");
    assert.equal(await notices.count(), 9);
    await notices.filter({ hasText: "decided.v1" }).getByText("Event", { exact: true }).click();
    await notices.getByRole("region").filter({ hasText: '"decision": "succeeded"' }).waitFor();
    await page.start("Work item");
    await page.stage("Waiting");
    assert.equal(await notices.count(), 0);
  });

  it("several checks of one stage must all pass", async () => {
    await page.start("Several checks");
    await page.tab.getByText(/checks must pass before this run can continue to Deploy/).waitFor();
    await page.button("Close it").click();
    await page.check("work-item-completed").locator(".word", { hasText: "Passed" }).first().waitFor();
    await page.stage("Waiting");
    await page.button("Approve").click();
    await page.stage("Succeeded");
    await page.tab.getByText("3/3 checks passed").waitFor();
  });

  it("one final no of several checks cancels the others", async () => {
    await page.start("Several checks");
    await page.stage("Waiting");
    await page.button("Reject").click();
    await page.stage("Failed");
    await page.check("work-item-completed").locator("h3 .word", { hasText: "Canceled" }).waitFor();
    await page.check("work-item-completed").getByText("The stage was decided without this check.").waitFor();
    await wasLastSeen("work-item-completed");
  });

  it("an outage of Azure DevOps delays the decision, and there is one", async () => {
    await page.start("Outage");
    await page.evaluated("work-item-completed", 1);
    const before = await page.tab.locator(".world").getByText(/calls so far/).innerText();
    await page.button("Fail for 3 min").click();
    await page.tab.locator(".world .word", { hasText: "Fails" }).waitFor();
    await page.button("Close it").click();
    // It lasts long enough for an evaluation that fails.
    const calls = (text) => Number(/(\d+) calls so far/.exec(text)[1]);
    await page.tab.waitForFunction((before) => {
      const text = document.querySelector(".world").innerText;
      return /Fails for/.test(text) && Number(/(\d+) calls so far/.exec(text)[1]) > before;
    }, calls(before));
    await page.stage("Waiting");
    await page.stage("Succeeded");
    assert.notEqual(await page.tab.locator(".world").getByText(/calls so far/).innerText(), before);
    assert.equal(await page.check("work-item-completed").getByText(/Decision sent/).count(), 1);
  });

  it("a canceled run ends, and its checks with it", async () => {
    await page.start("Change approval");
    await page.stage("Waiting");
    await page.button("Cancel run").click();
    await page.stage("Canceled");
    await page.check("change-approved").locator("h3 .word", { hasText: "Canceled" }).waitFor();
    await page.tab.getByText("You canceled the run.").waitFor();
    await page.check("change-approved").getByText("The run was canceled before this check decided.").waitFor();
    await wasLastSeen("change-approved");
  });

  it("an administrator bypasses a check", async () => {
    await page.start("Change approval");
    await page.stage("Waiting");
    await page.found("change-approved", "approval is Requested");
    await page.button("Bypass this check").click();
    await page.check("change-approved").locator("h3 .word", { hasText: "Bypassed" }).waitFor();
    await page.check("change-approved").getByText(/^Bypassed at \d\d:\d\d:\d\d\. checkgate did not decide\.$/).waitFor();
    await page.tab.locator(".run").getByText("You bypassed a check.").waitFor();
    await page.tab.getByText("0/1 checks passed, 1 bypassed").waitFor();
    await wasLastSeen("change-approved");
    await page.stage("Succeeded");
    assert.equal(await page.tab.getByText("All checks pass.").count(), 0);
  });

  it("the handler is killed five times, a new host takes over, and one decision arrives", async () => {
    await page.start("Killed handler");
    await page.evaluated("work-item-completed", 1);
    let most = 1;
    for (let kill = 1; kill <= 5; kill += 1) {
      await page.tab.locator(".world .word", { hasText: "Running" }).waitFor();
      await page.button("Kill it").click();
      await page.tab.getByText(kill === 1 ? "killed once" : `killed ${kill} times`).waitFor();
      const evaluations = Number(/(\d+) evaluations/.exec(await page.tab.locator(".world").innerText())[1]);
      assert.ok(evaluations >= most, `${evaluations} evaluations after ${most}`);
      most = evaluations;
    }
    await page.tab.getByText(/host number 2/).waitFor();
    await page.tab.locator(".history").getByText("Host 2 took over.").waitFor();
    await page.button("Close it").click();
    await page.stage("Succeeded");
    assert.equal(await page.check("work-item-completed").getByText(/Decision sent/).count(), 1);
  });
});
