// What goes wrong: a lost connection, many tabs, nonsense, strangers.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, it } from "node:test";
import { DEMO, Demo, PATIENCE, Page, begin } from "./harness.mjs";
import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

describe("the page survives", () => {
  let demo, browser;
  before(async () => {
    [demo, browser] = await begin();
  });
  after(async () => {
    await browser.close();
    await demo.stop();
  });

  it("two tabs show the same, whichever is used", async () => {
    const [one, two] = [await Page.open(browser, demo), await Page.open(browser, demo)];
    await one.start("Change approval");
    await two.stage("Waiting");
    await two.button("Approve").click();
    await one.stage("Succeeded");
    await two.stage("Succeeded");
    await one.tab.getByText(/You set approval of ServiceNow change CHG0030001 to approved/).waitFor();
    await one.close();
    await two.close();
  });

  it("seven tabs load, because a hidden one gives its connection back", async () => {
    const page = await Page.open(browser, demo);
    const tabs = [page.tab];
    for (let count = 2; count <= 7; count += 1) {
      // Without a window, a browser takes every tab for visible.
      await tabs.at(-1).evaluate(() => {
        Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      });
      const tab = await page.context.newPage();
      await tab.goto(demo.url);
      await tab.getByText("Live").first().waitFor();
      tabs.push(tab);
    }
    await tabs[0].evaluate(() => {
      Object.defineProperty(document, "visibilityState", { value: "visible", configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await tabs[0].getByText("Live").first().waitFor();
    await page.close();
  });

  it("a page comes back after the demo was killed and started again", async () => {
    const first = await Demo.start();
    const page = await Page.open(browser, first);
    await page.start("Work item");
    await page.stage("Waiting");
    await first.kill();
    await page.tab.getByText(/Reconnecting, showing/).waitFor();
    const second = await Demo.start("--port", first.port);
    await page.tab.getByText("What would you like to see?").waitFor();
    await page.tab.getByText("Live").first().waitFor();
    await page.start("Work item");
    await page.stage("Waiting");
    await page.close([/ERR_CONNECTION_REFUSED/, /ERR_INCOMPLETE_CHUNKED_ENCODING/, /ERR_CONNECTION_RESET/, /ERR_EMPTY_RESPONSE/]);
    await second.stop();
  });

  it("a demo that ends says so, and nothing is left in the console", async () => {
    const other = await Demo.start();
    const page = await Page.open(browser, other);
    await page.start("Work item");
    assert.equal(await other.stop(), 0);
    await page.tab.getByText("The demo has ended").waitFor();
    await page.close();
  });

  it("a value that a control does not take is refused beside it", async () => {
    const page = await Page.open(browser, demo);
    await page.start("Code coverage");
    await page.stage("Failed");
    await page.tab.getByLabel("Lines covered").fill("1000");
    await page.tab.getByLabel("Lines covered").press("Enter");
    await page.tab.getByRole("alert").filter({ hasText: "Write a number from 0 to 100." }).waitFor();
    await page.button("Cover 81").click();
    await page.tab.getByRole("alert").waitFor({ state: "detached" });
    // The browser itself notes every answer that is an error.
    await page.close([/status of 409/]);
  });

  it("actions with nonsense are refused with a sentence, and change nothing", async () => {
    await demo.act({ verb: "start", useCase: "work-item" });
    const wrong = [
      ["not JSON", 422], ["{}", 422], [{ verb: "fly" }, 422], [{ verb: "start" }, 422], [{ verb: "start", useCase: "work-item", more: 1 }, 422],
      [{ verb: "start", useCase: "nothing" }, 409], [{ verb: "set", control: "nothing", value: 1 }, 409],
      [{ verb: "set", control: "workItem:42", value: "Sleeping" }, 409], [{ verb: "set", control: "workItem:42", value: { a: 1 } }, 409],
      [{ verb: "setSpeed", factor: 0 }, 409], [{ verb: "setSpeed", factor: 1e9 }, 409], [{ verb: "failAzureDevOps", seconds: 0 }, 409],
      [{ verb: "failAzureDevOps", seconds: -1 }, 422], [{ verb: "moveClock", to: "2000-01-01T00:00:00Z" }, 409],
      [{ verb: "moveClock", to: "+262000-01-01T00:00:00Z" }, 409], [{ verb: "bypass", check: "nothing" }, 409], [{ verb: "rerunStage" }, 409],
    ];
    for (const [action, status] of wrong) {
      const response = await demo.act(action);
      const { message } = await response.json();
      assert.equal(response.status, status, `${JSON.stringify(action)}: ${message}`);
      assert.match(message, /\.$/, "a sentence");
    }
    const page = await Page.open(browser, demo);
    await page.stage("Waiting");
    await page.found("work-item-completed", "is Active");
    await page.close();
  });

  it("only the page itself may use the demo", async () => {
    const status = (path, headers) =>
      new Promise((resolve, reject) => {
        const request = http.get({ host: "127.0.0.1", port: demo.port, path, headers }, (response) => {
          response.destroy();
          resolve(response.statusCode);
        });
        request.on("error", reject);
      });
    for (const path of ["/", "/events", "/page.js"]) {
      assert.equal(await status(path, { host: "evil.example" }), 403);
      assert.equal(await status(path, { host: "127.0.0.1:1" }), 403);
      assert.equal(await status(path, { host: `127.0.0.1:${demo.port}` }), 200);
    }
    assert.equal((await demo.act({ verb: "cancelRun" }, { origin: "http://evil.example" })).status, 403);
    assert.equal((await demo.act({ verb: "cancelRun" }, { origin: "null" })).status, 403);
    assert.equal((await demo.act({ verb: "cancelRun" }, { "content-type": "text/plain" })).status, 403);
    assert.equal((await demo.act("x".repeat(70_000))).status >= 400, true);
    const policy = (await fetch(demo.url)).headers.get("content-security-policy");
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
  });
});

describe("the command says what is wrong", () => {
  const run = (...args) => spawnSync(DEMO, args, { encoding: "utf8", timeout: PATIENCE });
  const folder = mkdtempSync(join(tmpdir(), "checkgate-page-"));

  it("a port in use is named, with a way out", async () => {
    const server = http.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address();
    const ended = run("--port", String(port));
    server.close();
    assert.equal(ended.status, 1);
    assert.match(ended.stdout, new RegExp(`port ${port} cannot be used .*--port 0`));
  });

  it("a file with mistakes is listed as `checkgate validate` does, and there is no page", () => {
    const broken = join(folder, "checks.yaml");
    writeFileSync(broken, "checks:\n  a:\n    conditions:\n      - taskExecuted: { tusk: CmdLine }\n  b:\n    conditions: []\n");
    const ended = run("--checks", broken, "--port", "0");
    assert.equal(ended.status, 1);
    assert.match(ended.stdout, /checks\.yaml: .*tusk/);
    assert.match(ended.stdout, /error: .*checks\.yaml has \d mistakes?/);
    assert.doesNotMatch(ended.stdout, /http:/);
  });

  it("a file that is not there is named", () => {
    const ended = run("--checks", join(folder, "nothing.yaml"));
    assert.equal(ended.status, 1);
    assert.match(ended.stdout, /nothing\.yaml cannot be read/);
  });

  it("a speed that is no speed is refused", () => {
    const ended = run("--speed", "0");
    assert.equal(ended.status, 2);
    assert.match(ended.stderr, /from 1 to 600/);
  });
});
