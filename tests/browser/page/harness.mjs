// Starts the demo and a browser, and holds every page to the rules that all tests share.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** How long a test waits for something that it expects. A busy machine needs more than an idle one. */
export const PATIENCE = 40_000;

/** The demo's program, as cargo has built it. */
export const DEMO = process.env.DEMO;

/** Where screenshots are kept. */
export const SCREENSHOTS = process.env.SCREENSHOTS;

export const file = (name) => fileURLToPath(new URL(name, import.meta.url));

/** A running demo. */
export class Demo {
  /** Starts it on a free port, with a fast clock, and waits for its address. */
  static async start(...args) {
    const demo = new Demo(args);
    for await (const line of createInterface({ input: demo.process.stdout })) {
      demo.output.push(line);
      demo.url = /http:\/\/127\.0\.0\.1:\d+\//.exec(line)?.[0];
      if (demo.url) break;
    }
    assert.ok(demo.url, `the demo gave no address: ${demo.output.join("\n")}`);
    demo.process.stdout.resume();
    return demo;
  }

  constructor(args) {
    this.output = [];
    const speed = args.includes("--speed") ? [] : ["--speed", "60"];
    const port = args.includes("--port") ? [] : ["--port", "0"];
    this.process = spawn(DEMO, [...port, ...speed, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    this.exited = once(this.process, "exit");
  }

  get port() {
    return new URL(this.url).port;
  }

  /** Ends it as Ctrl+C does. */
  async stop() {
    this.process.kill("SIGINT");
    const [code] = await this.exited;
    return code;
  }

  /** Ends it without a warning. */
  async kill() {
    this.process.kill("SIGKILL");
    await this.exited;
  }

  /** Sends an action as the page does. */
  act(action, headers = {}) {
    const body = typeof action === "string" ? action : JSON.stringify(action);
    return fetch(`${this.url}actions`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
  }
}

/** Starts a demo and a browser. Where one of them fails, the other does not stay behind. */
export async function begin(...args) {
  const demo = await Demo.start(...args);
  try {
    return [demo, await launch()];
  } catch (error) {
    await demo.kill();
    throw error;
  }
}

/** Starts the browser. It asks no other machine for anything. */
function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
}

/** A page of the demo, which notes what must not happen. */
export class Page {
  static async open(browser, demo, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(PATIENCE);
    const page = new Page(context, await context.newPage());
    await page.tab.goto(demo.url);
    return page;
  }

  constructor(context, tab) {
    this.context = context;
    this.tab = tab;
    this.errors = [];
    this.strangers = [];
    tab.on("console", (message) => message.type() === "error" && this.errors.push(message.text()));
    tab.on("pageerror", (error) => this.errors.push(String(error)));
    tab.on("request", (request) => new URL(request.url()).hostname !== "127.0.0.1" && this.strangers.push(request.url()));
  }

  /** Starts a use case by its button, and waits for its run. */
  async start(title) {
    await this.tab.getByRole("navigation").getByRole("button", { name: title, exact: true }).click();
    await this.tab.getByRole("heading", { level: 2, name: title }).waitFor();
    await this.tab.getByRole("navigation").locator('[aria-pressed="true"]', { hasText: title }).waitFor();
  }

  button(name) {
    return this.tab.getByRole("button", { name, exact: true });
  }

  check(name) {
    return this.tab.locator(`[data-check="${name}"]`);
  }

  /** Waits until the stage has this state. */
  async stage(word) {
    await this.tab.locator(".stages li", { hasText: "Deploy" }).locator(".word", { hasText: new RegExp(`^${word}$`) }).waitFor();
  }

  /** Waits until the log of a check has this text. */
  async log(name, text) {
    await this.check(name).getByRole("region", { name: `Log of ${name}` }).filter({ hasText: text }).waitFor({ state: "attached" });
  }

  /** Waits until a condition of a check shows this text. */
  async found(name, text) {
    await this.check(name).locator(".conditions").filter({ hasText: text }).waitFor();
  }

  /** Waits until a check has been evaluated so often. */
  async evaluated(name, times) {
    await this.tab.waitForFunction(
      ([check, wanted]) => Number(/(\d+) evaluations?/.exec(document.querySelector(`[data-check="${check}"]`)?.innerText)?.[1]) >= wanted,
      [name, times],
    );
  }

  /** Nothing went wrong in the browser, and nobody else was asked for anything. */
  async close(expected = []) {
    const errors = this.errors.filter((error) => !expected.some((pattern) => pattern.test(error)));
    assert.deepEqual(errors, []);
    assert.deepEqual(this.strangers, []);
    await this.context.close();
  }
}

/** Looks for barriers by the rules of WCAG 2.2 AA. Injected by the driver: the page's policy forbids foreign scripts. */
export async function barriers(tab) {
  const axe = await readFile(file("../node_modules/axe-core/axe.min.js"), "utf8");
  await tab.evaluate(axe);
  const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const result = await tab.evaluate((tags) => globalThis.axe.run({ runOnly: { type: "tag", values: tags } }), values);
  return result.violations.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`);
}
