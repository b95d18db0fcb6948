// How the page looks, and whether everybody can use it: by size and colour scheme.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { Page, SCREENSHOTS, barriers, begin, file } from "./harness.mjs";

/** The heaviest page, in bytes. */
const MOST_BYTES = 150 * 1024;
/** The latest first paint, in milliseconds. */
const LATEST_PAINT = 1_000;

const LOOKS = [1280, 390].flatMap((width) => ["light", "dark"].map((scheme) => ({ width, scheme })));

/** The picture for the first screen of the README: copy both from `target/page` to `docs` when the page looks different. */
async function picture(tab, path) {
  const session = await tab.context().newCDPSession(tab);
  const clip = { x: 0, y: 0, width: 1280, height: 1010, scale: 0.75 };
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 80, clip, captureBeyondViewport: true });
  await writeFile(path, Buffer.from(data, "base64"));
}

describe("the page is for everybody", () => {
  let demo, browser;
  before(async () => {
    await mkdir(SCREENSHOTS, { recursive: true });
    [demo, browser] = await begin();
  });
  after(async () => {
    await browser.close();
    await demo.stop();
  });

  it("the page is light, and there soon", async () => {
    const context = await browser.newContext();
    const again = new Page(context, await context.newPage());
    const bodies = [];
    again.tab.on("response", (response) => {
      if (!response.url().endsWith("/events")) bodies.push(response.body());
    });
    await again.tab.goto(demo.url);
    await again.button("Work item").waitFor();
    const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + body.length, 0);
    const paint = await again.tab.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
    console.log(`page weight ${bytes} bytes, first paint after ${Math.round(paint)} ms`);
    assert.ok(bytes > 20_000 && bytes < MOST_BYTES, `${bytes} bytes`);
    assert.ok(paint < LATEST_PAINT, `${paint} ms`);
    await again.close();
  });

  for (const { width, scheme } of LOOKS) {
    it(`there are no barriers at ${width} px in ${scheme} colours`, async () => {
      const options = { viewport: { width, height: 900 }, colorScheme: scheme, reducedMotion: "reduce" };
      const page = await Page.open(browser, demo, options);
      const look = async (name) => {
        await page.tab.screenshot({ path: `${SCREENSHOTS}/${name}-${width}-${scheme}.png`, fullPage: true });
        assert.deepEqual(await barriers(page.tab), []);
        const wide = await page.tab.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${name} scrolls sideways: ${wide} px`);
      };
      await page.button("Work item").waitFor();
      if (width === 1280) await look("welcome");
      await page.start("Several checks");
      await page.check("canary-performance").locator("tbody tr").first().waitFor();
      await page.found("change-approved", "approval is Requested");
      await look("several");
      await page.start("Work item");
      await page.evaluated("work-item-completed", 1);
      await look("waiting");
      if (width === 1280) await picture(page.tab, `${SCREENSHOTS}/page-${scheme}.webp`);
      if (width === 390) {
        await page.start("Slack and Teams");
        await page.tab.locator(".notices li").nth(2).waitFor();
        await look("notices");
      }
      await page.start("Reason");
      await page.stage("Failed");
      await look("failed");
      await page.close();
    });
  }

  it("everything can be reached and used with the keyboard", async () => {
    const page = await Page.open(browser, demo);
    await page.start("Work item");
    await page.stage("Waiting");
    await page.tab.keyboard.press("Tab");
    await page.button("Close it").focus();
    const ring = await page.button("Close it").evaluate((it) => getComputedStyle(it).outlineStyle);
    assert.equal(ring, "solid");
    // The page is drawn several times a second, and the focus stays.
    await page.evaluated("work-item-completed", 2);
    assert.ok(await page.button("Close it").evaluate((it) => it === document.activeElement));
    await page.tab.keyboard.press("Enter");
    await page.stage("Succeeded");
    await page.tab.getByRole("status").filter({ hasText: "Deploy: Succeeded, 1 of 1 checks passed" }).waitFor({ state: "attached" });
    assert.equal(await page.tab.title(), "Succeeded – Deploy – checkgate demo");
    await page.close();
  });

  it("updates can be paused", async () => {
    const page = await Page.open(browser, demo);
    await page.start("Work item");
    await page.stage("Waiting");
    await page.button("Pause updates").click();
    await demo.act({ verb: "set", control: "workItem:42", value: "Closed" });
    const other = await Page.open(browser, demo);
    await other.stage("Succeeded");
    assert.equal(await page.tab.locator(".stages li", { hasText: "Deploy" }).locator(".word").innerText(), "Waiting");
    await page.button("Resume updates").click();
    await page.button("Pause updates").waitFor();
    await page.stage("Succeeded");
    await other.close();
    await page.close();
  });

  it("lit-html is the published one", async () => {
    const served = await (await fetch(`${demo.url}lit-html.js`)).text();
    const published = await readFile(file("../node_modules/lit-html/lit-html.js"), "utf8");
    assert.equal(served.slice(served.indexOf("\n") + 1), published);
  });
});
