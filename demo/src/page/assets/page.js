// Shows what the demo sends, and sends back what somebody does. It knows nothing of the kinds of conditions.
import { html, nothing, render, svg } from "./lit-html.js";
import { chart } from "./chart.js";

let state = null;
let receivedAt = 0;
let connection = "Connecting";
let paused = false;
let source = null;
const problems = new Map();

// ---- time ----

const pad = (number) => String(number).padStart(2, "0");
const now = () => Date.parse(state.now) + (paused ? 0 : (performance.now() - receivedAt) * state.speed);

function time(at) {
  const date = new Date(at);
  return `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}`;
}

function day(at) {
  return new Date(at).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
}

function lasts(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

// ---- actions ----

async function act(action, place) {
  problems.delete(place);
  try {
    const response = await fetch("actions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(action),
    });
    if (!response.ok) problems.set(place, (await response.json()).message);
  } catch {
    problems.set(place, "The demo cannot be reached.");
  }
  draw();
}

const set = (control, value) => act({ verb: "set", control: control.id, value }, control.id);
const problem = (place) => (problems.has(place) ? html`<p class="problem" role="alert">${problems.get(place)}</p>` : nothing);

// ---- icons ----

const glyphs = {
  passed: svg`<circle cx="8" cy="8" r="8" fill="currentColor"/><path d="m4 8.2 2.7 2.7L12 5.4" fill="none" stroke="var(--on)" stroke-width="1.8"/>`,
  failed: svg`<circle cx="8" cy="8" r="8" fill="currentColor"/><path d="m5 5 6 6m0-6-6 6" fill="none" stroke="var(--on)" stroke-width="1.8"/>`,
  waiting: svg`<circle cx="8" cy="8" r="8" fill="currentColor"/><path d="M8 3.5V8l3 2" fill="none" stroke="var(--on)" stroke-width="1.8"/>`,
  running: svg`<circle cx="8" cy="8" r="6.8" fill="none" stroke="currentColor" stroke-width="2.2" stroke-dasharray="10 4.2"/>`,
  error: svg`<circle cx="8" cy="8" r="8" fill="currentColor"/><path d="M8 3.6v5.2m0 1.8v2" fill="none" stroke="var(--on)" stroke-width="2"/>`,
  skipped: svg`<circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" stroke-width="1.8"/><path d="m6.3 4.8 3.4 3.2-3.4 3.2" fill="none" stroke="currentColor" stroke-width="1.8"/>`,
  canceled: svg`<circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" stroke-width="1.8"/><path d="m3.5 12.5 9-9" stroke="currentColor" stroke-width="1.8"/>`,
  notStarted: svg`<circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" stroke-width="1.8"/>`,
};
const shapes = { succeeded: "passed", bypassed: "skipped", succeededWithIssues: "error", inconclusive: "error" };
const words = {
  notStarted: "Not started", waiting: "Waiting", running: "Running", succeeded: "Succeeded", failed: "Failed", skipped: "Skipped",
  canceled: "Canceled", bypassed: "Bypassed", passed: "Passed", error: "Could not find out", succeededWithIssues: "Succeeded with issues",
};

function icon(status) {
  const spins = status === "running" ? "spin" : "";
  return html`<svg class="icon status-${status}" viewBox="0 0 16 16" aria-hidden="true"><g class=${spins}>${glyphs[shapes[status] ?? status] ?? glyphs.notStarted}</g></svg>`;
}
const word = (status, text) => html`<span class="word status-${status}">${text ?? words[status] ?? status}</span>`;

// ---- parts of the page ----

function top() {
  const speeds = [...new Set([1, 10, 60, state?.speed ?? 10])].sort((a, b) => a - b);
  const shown = { Live: "Live", Connecting: "Connecting", Ended: "The demo has ended" }[connection]
    ?? `Reconnecting, showing ${state ? time(now()) : "nothing yet"}`;
  return html`<header class="top">
    <strong>checkgate demo</strong>
    <span class="muted"><span class="dot-live ${connection === "Live" && !paused ? "on" : ""}"></span>${paused ? `Paused at ${time(state.now)}` : shown}</span>
    <span class="spring"></span>
    ${state ? html`<span class="muted">Clock ${day(now())} ${time(now())} UTC</span>
      ${state.isRealTime ? nothing : html`<div class="row" role="group" aria-label="Speed of the clock">
        ${speeds.map((factor) => html`<button aria-pressed=${factor === state.speed} @click=${() => act({ verb: "setSpeed", factor }, "speed")}>${factor}×</button>`)}
      </div>`}` : nothing}
    <button @click=${pause}>${paused ? "Resume updates" : "Pause updates"}</button>
    ${problem("speed")}
  </header>`;
}

function cases() {
  const chosen = state.useCase?.id;
  return html`<nav class="cases" aria-labelledby="cases">
    <h2 id="cases">${state.checksFile ? html`Checks of ${state.checksFile}` : "Use cases"} <span class="muted">Click one to start a run.</span></h2>
    <ul>${state.useCases.map((it) => html`<li><button aria-pressed=${it.id === chosen} @click=${() => act({ verb: "start", useCase: it.id }, "start")}>${it.title}</button></li>`)}</ul>
    ${problem("start")}
  </nav>`;
}

function welcome() {
  return html`<section class="card hint"><h1>What would you like to see?</h1>
    <p>checkgate holds a deployment until your rules are met, e.g. work items closed, change approved. Choose a use case above:
    a run starts, its stage waits here, and you change the outside world until the check decides.</p>
    <p class="muted">Azure DevOps and all other systems are simulated on this machine. The handler that decides is the real one.</p></section>`;
}

function run() {
  const { run, useCase } = state;
  return html`<section class="card hint"><h2>${useCase.title}${useCase.guide ? html` <span class="muted">${useCase.guide}</span>` : nothing}</h2><p>${useCase.hint} <a class="jump" href="#world">Go to the controls</a></p></section>
    <section class="card run" aria-label="Run">
      <div><h1>${icon(run.status)} #${run.number} • ${run.pipeline}</h1>
        <p class="muted">${run.branch} · ${run.commit} · ${run.reason} for ${run.requestedFor} · started ${time(run.started)}${run.attempt > 1 ? ` · attempt ${run.attempt}` : ""}</p>
        <p>${word(run.status)}${run.why && run.status !== "waiting" ? html` <span>${run.why}</span>` : nothing}</p></div>
      <div class="row">
        <button ?disabled=${!run.canBeCanceled} @click=${() => act({ verb: "cancelRun" }, "run")}>Cancel run</button>
        <button ?disabled=${!run.canBeRerun} @click=${() => act({ verb: "rerunStage" }, "run")}>Rerun stage</button>
        <button @click=${() => act({ verb: "startAgain" }, "run")}>New run</button>
      </div>${problem("run")}
    </section>
    ${state.banner ? html`<p class="card banner">${icon("waiting")} ${state.banner}</p>` : nothing}`;
}

function stages() {
  const card = (stage) => html`<li class="card"><div class="name">${icon(stage.status)} ${stage.name}</div>
    <p>${word(stage.status)}${stage.of ? html` <span>${stage.passed}/${stage.of} checks passed${stage.bypassed ? `, ${stage.bypassed} bypassed` : ""}</span>` : nothing}</p>
    ${stage.note ? html`<p class="muted">1 job completed · ${stage.note}</p>` : nothing}</li>`;
  return html`<section aria-labelledby="stages"><h2 id="stages">Stages</h2><ul class="stages">${state.stages.map(card)}</ul></section>`;
}

function checks() {
  return html`<section aria-labelledby="checks"><h2 id="checks">Checks and manual validations for Deploy</h2>
    <ul class="checks">${state.checks.map(check)}</ul></section>`;
}

function check(check) {
  const status = check.couldNotFindOut ? "error" : check.status;
  const count = check.evaluations.length;
  const last = count ? `, last at ${time(check.evaluations[count - 1])}` : "";
  const timeout = check.status === "waiting" ? ` · Timeout in ${lasts(Date.parse(check.deadline) - now())}` : "";
  return html`<li class="card" data-check=${check.name}>
    <div class="check-head"><h3 class="name">${icon(status)} ${check.name} ${word(status, check.couldNotFindOut ? "Waiting: could not find out" : undefined)}</h3>
      <span class="muted">Environment Production · ${check.completion}${timeout}</span></div>
    <div class="when">${next(check)}<span class="muted">${count === 1 ? "1 evaluation" : `${count} evaluations`}${last}</span></div>
    ${check.metric ? measurements(check.metric) : nothing}
    ${conditions(check)}
    ${decision(check)}
    ${log(check)}
    ${delivery(check)}
    ${check.canBeBypassed ? html`<div class="row"><button @click=${() => act({ verb: "bypass", check: check.id }, check.id)}>Bypass this check</button></div>` : nothing}
    ${problem(check.id)}
  </li>`;
}

function notices() {
  if (!state.notices.length) return nothing;
  return html`<section aria-labelledby="notices"><h2 id="notices">Notices</h2>
    <ol class="notices">${state.notices.map(notice)}</ol></section>`;
}

function notice(it) {
  return html`<li class="card"><div class="check-head"><h3>${it.title}</h3><span class="muted">${it.to} · ${time(it.at)}</span></div>
    ${it.lines.map((text) => html`<p>${text}</p>`)}
    ${it.event ? html`<details><summary>Event</summary><div class="log" role="region" tabindex="0" aria-label="Event of ${time(it.at)}">${it.event}</div></details>` : nothing}</li>`;
}

function next(check) {
  if (!check.nextLook) return nothing;
  const left = Date.parse(check.nextLook) - now();
  return html`<span class="next" role="timer" aria-live="off">${left > 0 ? `Next evaluation in ${lasts(left)}` : "Evaluating now"}</span>`;
}

function conditions(check) {
  if (!check.conditions.length) {
    return check.status === "waiting" ? html`<p class="muted">${check.operation || "Not evaluated yet."}</p>` : nothing;
  }
  const fact = (name, value) => (value ? html`<dt>${name}</dt><dd>${value}</dd>` : nothing);
  const isLastSeen = (it) => ["bypassed", "canceled", "skipped"].includes(check.status) || (check.status !== "waiting" && ["waiting", "error"].includes(it.status));
  const heading = (it) => (isLastSeen(it)
    ? html`${icon("notStarted")}<span>${it.title}</span> ${word("notStarted", `Last seen: ${words[it.status]}`)}`
    : html`${icon(it.status)}<span>${it.title}</span> ${word(it.status)}`);
  return html`<ul class="conditions" aria-label="Conditions">${check.conditions.map((it) => html`<li class="depth-${Math.min(it.depth, 3)}">
    <div class="name">${heading(it)}</div>
    <dl class="facts">${fact("found", it.found)}${fact("expected", it.expected)}${fact("to change this", isLastSeen(it) ? "" : it.remedy)}</dl>
  </li>`)}</ul>`;
}

function measurements(metric) {
  return html`<figure>${chart(metric, time)}
    <figcaption class="muted">${metric.progress}. ${metric.limits ? `Needed: ${metric.limits}.` : ""}</figcaption>
    <table><caption class="unseen">Measurements of ${metric.query}</caption>
      <thead><tr><th scope="col">Time</th><th scope="col">Result</th><th scope="col">Value</th></tr></thead>
      <tbody>${metric.checkpoints.map((it) => html`<tr><td>${time(it.at)}</td><td>${it.phase}</td><td>${it.value}</td></tr>`)}</tbody></table></figure>`;
}

function decision(check) {
  const sent = check.decisions.map((it) => html`<p class="decision status-${it.result === "succeeded" ? "passed" : "failed"}">Decision sent at ${time(it.at)}: ${it.result}${it.accepted ? "" : " (nobody waited for it)"}</p>`);
  const why = check.why && check.status !== "waiting" ? html`<p class="decision status-${check.status}">${check.why}</p>` : nothing;
  return html`${sent}${check.decisions.some((it) => it.accepted) ? nothing : why}`;
}

function line(text) {
  const found = /\[(passed|failed|waiting|error) *\]|Decision: (succeeded|failed)/.exec(text);
  const status = found ? (found[1] ?? (found[2] === "succeeded" ? "passed" : "failed")) : "";
  return html`<b class=${status ? `status-${status}` : ""}>${text.replace(/^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)\.\d+Z /, "$1 ")}
</b>`;
}

function log(check) {
  if (!check.log.length) return nothing;
  return html`<details ?open=${state.checks.length === 1}><summary>Log (${check.logLines} lines)</summary>
    <div class="log" role="region" tabindex="0" aria-label="Log of ${check.name}">${check.log.map(line)}</div></details>`;
}

function delivery(check) {
  if (!check.delivery) return nothing;
  const { url, status, body } = check.delivery;
  return html`<details ?open=${check.completion === "ApiResponse"}><summary>${check.completion === "ApiResponse" ? "Last answer" : "Delivery"} (${time(check.delivered)})</summary>
    <div class="log" role="region" tabindex="0" aria-label="Delivery of ${check.name}">POST ${url}
Response Code: ${status || "none"}
Response: ${body}</div></details>`;
}

// ---- the outside world ----

/** Whether nothing that somebody does changes this run any more. */
const isOver = () => state.run?.status !== "waiting";
const first = (isFirst) => (isFirst && !isOver() ? "first" : "");

function world() {
  const groups = [];
  for (const control of state.controls) {
    const known = groups.find((group) => group.title === control.group);
    if (known) known.controls.push(control);
    else groups.push({ title: control.group, controls: [control] });
  }
  const key = state.useCase?.key;
  const isKey = (group) => group.controls.some((control) => control.id === key);
  const cards = [
    ...groups.map((group) => ({ isKey: isKey(group), card: card(group.title, isKey(group), html`${group.controls.map(control)}`) })),
    state.isRealTime ? null : { isKey: key === "clock" || (!key && state.nextOpening), card: card("Clock", key === "clock" || (!key && state.nextOpening), clock()) },
    { isKey: key === "azureDevOps", card: card("Azure DevOps", key === "azureDevOps", azureDevOps()) },
    { isKey: key === "handler", card: card("Handler", key === "handler", handler()) },
  ].filter(Boolean);
  const ordered = [...cards.filter((it) => it.isKey), ...cards.filter((it) => !it.isKey)];
  return html`<aside class="world" id="world" tabindex="-1" aria-labelledby="outside"><h2 id="outside">Outside world</h2><ul>${ordered.map((it) => it.card)}</ul></aside>`;
}

const card = (title, isKey, body) => html`<li class="card ${isKey && !isOver() ? "key" : ""}"><h3>${title}${isKey && !isOver() ? html`<span class="tag">try this</span>` : nothing}</h3>${body}</li>`;

const id = (control) => `control-${control.id}`.replace(/[^A-Za-z0-9-]/g, "_");

function control(it) {
  const buttons = it.buttons.map((button, index) => html`<button class=${first(index === 0 && button.value !== it.value)} ?disabled=${button.value === it.value} @click=${() => set(it, button.value)}>${button.label}</button>`);
  return html`<div class="control" data-control=${it.id}><label for=${id(it)}>${it.label}</label>
    <div class="row">${entry(it)}${buttons}</div>
    ${it.note ? html`<p class="note">${it.note}</p>` : nothing}${problem(it.id)}</div>`;
}

function entry(it) {
  const { kind } = it.input;
  if (kind === "choice") {
    return html`<select id=${id(it)} @change=${(event) => set(it, event.target.value)}>
      ${it.input.options.map(([value, label]) => html`<option value=${value} .selected=${value === it.value}>${label}</option>`)}</select>`;
  }
  if (kind === "number") {
    const change = (event) => event.target.value !== "" && set(it, Number(event.target.value));
    const { min, max, step, unit, isSlider } = it.input;
    const value = it.value ?? "";
    const slider = isSlider ? html`<input type="range" aria-label="${it.label}, slider" min=${min} max=${max} step=${step} .value=${String(value)} @change=${change}>` : nothing;
    return html`${slider}<input type="number" id=${id(it)} min=${min} max=${max} step="any" .value=${String(value)} @change=${change}>${unit ? html`<span>${unit}</span>` : nothing}`;
  }
  if (kind === "json") {
    return html`<textarea id=${id(it)} spellcheck="false" .value=${it.value ?? ""} @change=${(event) => set(it, event.target.value)}></textarea>`;
  }
  return html`<input type="text" id=${id(it)} list="${id(it)}-list" .value=${it.value ?? ""} @change=${(event) => set(it, event.target.value)}>
    <datalist id="${id(it)}-list">${it.input.suggestions.map((text) => html`<option value=${text}></option>`)}</datalist>`;
}

function clock() {
  const move = (to) => act({ verb: "moveClock", to: new Date(to).toISOString() }, "clock");
  const opening = state.nextOpening ? Date.parse(state.nextOpening) : 0;
  return html`<p class="muted">${day(now())} ${time(now())} UTC, ${state.speed} times as fast as real time</p>
    <div class="row control">
      ${opening > now() ? html`<button class=${first(true)} @click=${() => move(opening + 1000)}>Go to ${day(opening)} ${time(opening)}</button>` : nothing}
      <button @click=${() => move(now() + 3600e3)}>+1 h</button><button @click=${() => move(now() + 86400e3)}>+1 day</button>
    </div>${problem("clock")}`;
}

function azureDevOps() {
  const until = state.azureDevops.failsUntil;
  const left = until ? Date.parse(until) - now() : 0;
  return html`<p>${left > 0 ? html`${word("error", "Fails")} for ${lasts(left)} more` : html`${word("passed", "Works")}`} <span class="muted">${state.azureDevops.calls} calls so far</span></p>
    <div class="row control"><button class=${first(state.useCase?.key === "azureDevOps")} @click=${() => act({ verb: "failAzureDevOps", seconds: 180 }, "azureDevOps")}>Fail for 3 min</button>
      <button @click=${() => act({ verb: "healAzureDevOps" }, "azureDevOps")}>Work again</button></div>${problem("azureDevOps")}`;
}

function handler() {
  const { status, kills, hosts, invocations, canBeKilled } = state.handler;
  const count = invocations === null ? "" : `${invocations} evaluations`;
  const kill = () => html`<div class="row control"><button class=${first(state.useCase?.key === "handler")} @click=${() => act({ verb: "killHandler" }, "handler")}>Kill it</button></div>
    <p class="note">A host gives up after its handler has failed three times. Then another host takes its place.</p>${problem("handler")}`;
  return html`<p>${word({ ready: "passed", starting: "waiting", stopped: "failed" }[status], { ready: "Running", starting: "Starting", stopped: "Stopped" }[status])}
      <span class="muted">${kills ? `killed ${kills === 1 ? "once" : `${kills} times`}, ${hosts === 1 ? "still the first host" : `host number ${hosts}`}, ` : ""}${count}</span></p>
    ${canBeKilled ? kill() : html`<p class="note">The real Functions host calls it. The terminal shows what the host does.</p>`}`;
}

function history() {
  if (!state.history.length) return nothing;
  return html`<section class="history" aria-labelledby="history"><h2 id="history">What happened</h2>
    <ol>${state.history.slice(0, 12).map((it) => html`<li><time>${time(it.at)}</time>${it.text}</li>`)}</ol></section>`;
}

// ---- drawing ----

function page() {
  if (!state) return html`${top()}<main><h1>checkgate demo</h1></main>`;
  const body = state.run ? html`${run()}<div class="columns"><div class="left">${stages()}${checks()}${notices()}</div>${world()}${history()}</div>` : welcome();
  const skip = state.run ? html`<a class="skip" href="#world">Skip to the controls</a>` : nothing;
  return html`${skip}${top()}${cases()}<main>${body}</main>`;
}

function draw() {
  render(page(), document.getElementById("page"));
  const stage = state?.stages.at(-1);
  document.title = stage ? `${words[stage.status]} – ${stage.name} – checkgate demo` : "checkgate demo";
}

let said = "";
let saidAt = -2000;
function announce() {
  const stage = state?.stages.at(-1);
  if (!stage || performance.now() - saidAt < 2000) return;
  const blockers = state.checks.flatMap((it) => it.conditions.filter((condition) => condition.status !== "passed").map((condition) => condition.found));
  const text = `${stage.name}: ${words[stage.status]}, ${stage.passed} of ${stage.of} checks passed${stage.bypassed ? `, ${stage.bypassed} bypassed` : ""}. ${stage.status === "waiting" ? blockers.join(". ") : ""}`;
  if (text === said) return;
  [said, saidAt] = [text, performance.now()];
  document.getElementById("announcement").textContent = text;
}

function pause() {
  paused = !paused;
  if (!paused) open();
  draw();
}

// ---- the stream ----

function close() {
  source?.close();
  source = null;
}

function open() {
  close();
  source = new EventSource("events");
  source.onopen = () => {
    connection = "Live";
    draw();
  };
  source.onerror = () => {
    connection = "Reconnecting";
    draw();
  };
  source.addEventListener("state", (event) => {
    if (paused) return;
    state = JSON.parse(event.data);
    receivedAt = performance.now();
    draw();
  });
  source.addEventListener("end", () => {
    connection = "Ended";
    close();
    draw();
  });
}

// A browser opens at most six connections to a host. A hidden tab gives its own back.
document.addEventListener("visibilitychange", () => {
  if (connection === "Ended") return;
  if (document.visibilityState === "hidden") close();
  else open();
});

open();
draw();
setInterval(() => {
  if (state && !paused) draw();
  announce();
}, 250);
