// `--checks FILE`: every kind of condition gets its control, and a check is brought to its decision by clicks.
import assert from "node:assert/strict";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Page, begin, file } from "./harness.mjs";

/** For each check of the file: a control that it must have. */
const CONTROLS = {
  alerts: "alert:code",
  artifact: "artifact:sbom-1",
  "at-least": "tag:one",
  branch: "branch",
  "build-reason": "reason",
  change: "change:CHG0030001:approval",
  "code-coverage": "coverage:Branches",
  either: "tag:hotfix",
  expression: "branch",
  freeze: "freeze:freezes/production.ics",
  "quality-gate": "sonar:web",
  http: "page:sonar/api/qualitygates/project_status?projectKey=web:body",
  "issues-by-search": "jira:WEB-14",
  "issues-of-branch": "jira:WEB-13",
  "metric-of-insights": "metric:requests | summarize avg(duration)",
  "metric-of-logs": "metric:AppExceptions | count",
  "metric-of-monitor": "metric:Http5xx",
  "metric-with-baseline": "metric:stable_latency",
  "newest-run": "newerRun",
  "no-hold": "tag:hold",
  "other-run": "pipeline:7",
  "pull-request": "approvals",
  query: null,
  task: "task:Bash",
  "test-results": "tests:failed",
  window: null,
};

/** Checks that a click and a new run fail: the check, its control's button, and what the log then says. */
const FAILURES = [
  ["artifact", "Leave it out", "Decision: failed"],
  ["branch", "refs/heads/experiment", "refs/heads/experiment"],
  ["build-reason", "IndividualCI", "Decision: failed"],
  ["quality-gate", "Fail it", "the quality gate says ERROR"],
  ["newest-run", "Queue a newer run", "waits at stage Deploy"],
  ["code-coverage", "Cover 75", "75 of 100"],
  ["metric-of-logs", "Set to 20", "Decision: failed"],
  ["task", "Leave it out", "Decision: failed"],
  ["test-results", "Fail 53", "Decision: failed"],
];

/** The file, with a window that is closed now, whatever the time is. */
async function checks() {
  const hour = (new Date().getUTCHours() + 6) % 24;
  const at = (hours) => `${String(hours).padStart(2, "0")}:00`;
  const text = await readFile(file("every_kind.yaml"), "utf8");
  const written = join(await mkdtemp(join(tmpdir(), "checkgate-page-")), "every_kind.yaml");
  await writeFile(written, text.replace("OPENS", at(hour)).replace("CLOSES", at(hour + 1)));
  return written;
}

describe("somebody's own checks", () => {
  let demo, browser, page;
  before(async () => {
    // So many checks at sixty times the speed keep a small machine busy.
    [demo, browser] = await begin("--speed", "20", "--checks", await checks());
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

  it("every kind of condition has a control, and clicks let all checks pass", async () => {
    await page.tab.getByRole("heading", { name: /Checks of .*every_kind\.yaml/ }).waitFor();
    await page.start("All checks");
    for (const [name, control] of Object.entries(CONTROLS)) {
      await page.check(name).waitFor();
      if (control) await page.tab.locator(`[data-control="${control}"]`).waitFor();
    }
    await page.check("change").locator("h3 .word", { hasText: "Waiting" }).waitFor();
    await page.found("window", /closed at/);
    // The tag that holds everything back is the one that nobody should give.
    const give = page.tab.locator('[data-control]:not([data-control="tag:hold"]) button.first');
    for (let left = await give.count(); left > 0; left = await give.count()) {
      await give.first().click();
      await page.tab.waitForFunction(
        (before) => document.querySelectorAll('[data-control]:not([data-control="tag:hold"]) button.first').length < before,
        left,
      );
    }
    for (const name of Object.keys(CONTROLS).filter((name) => name !== "window")) {
      await page.check(name).locator("h3 .word", { hasText: "Passed" }).waitFor();
    }
    await page.button(/^Go to/).click();
    await page.stage("Succeeded");
    // All of them tell the file's webhook.
    await page.tab.locator(".notices").getByRole("heading", { name: /^Check \S+ for run \S+ of FabrikamFiber CD succeeded$/ }).first().waitFor();
  });

  for (const [name, button, says] of FAILURES) {
    it(`a click and a new run fail the check ${name}`, async () => {
      await page.start(name);
      await page.button(button).click();
      await page.button("New run").click();
      await page.stage("Failed");
      await page.log(name, says);
    });
  }
});
