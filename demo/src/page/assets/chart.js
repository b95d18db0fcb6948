// The measurements of a metric as a chart. The table beside it shows the same values as text.
import { svg } from "./lit-html.js";

const WIDEST = 640;
const HEIGHT = 150;
const LEFT = 56;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 24;
const SHOWN = 30;

const phases = { successful: "passed", failed: "failed", error: "error", inconclusive: "error" };

/** A value that is not a number (`NaN`, `no data`, a list) has no height: it stands on the axis, as a cross. */
const height = (value) => (value === "" || !Number.isFinite(Number(value)) ? null : Number(value));

function scale(points, threshold) {
  const heights = points.map((point) => height(point.value)).filter((value) => value !== null);
  const top = Math.max(...heights, (threshold ?? 0) * 1.6, 1e-9);
  const bottom = Math.min(0, ...heights, threshold ?? 0);
  return (value) => HEIGHT - BOTTOM - ((value - bottom) / (top - bottom)) * (HEIGHT - TOP - BOTTOM);
}

function dot(x, y, point, time) {
  const label = `${time(point.at)}: ${point.phase}, ${point.value}`;
  const shape = height(point.value) === null
    ? svg`<path d="M${x - 5} ${y - 5}l10 10m0-10l-10 10" stroke="currentColor" stroke-width="2.5"/>`
    : phases[point.phase] === "passed"
      ? svg`<circle class="dot" cx=${x} cy=${y} r="6"/>`
      : svg`<rect class="dot" x=${x - 6} y=${y - 6} width="12" height="12"/>`;
  return svg`<g class="status-${phases[point.phase] ?? "error"}"><title>${label}</title>${shape}</g>`;
}

/** The chart of `metric`; `time` writes a moment as text. On a narrow screen the chart is narrow, and its text as large. */
export function chart(metric, time) {
  const width = Math.max(260, Math.min(WIDEST, document.documentElement.clientWidth - 60));
  const points = metric.checkpoints.slice(-SHOWN);
  const y = scale(points, metric.threshold);
  const step = (width - LEFT - RIGHT) / Math.max(points.length + 1, 4);
  const places = points.map((point, index) => ({ point, x: LEFT + step * (index + 1), y: y(height(point.value) ?? 0) }));
  const curve = places.filter(({ point }) => height(point.value) !== null).map((it) => `${it.x},${it.y}`).join(" ");
  const told = points.map((point) => `${time(point.at)} ${point.phase} ${point.value}`).join("; ");
  const limit = metric.threshold === null ? "" : `, threshold ${metric.threshold}`;
  return svg`<svg class="chart" viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label="Measurements of ${metric.query}${limit}: ${told}">
    <path class="axis" d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${width - RIGHT}" fill="none"/>
    <text x=${LEFT - 6} y=${y(0) + 4} text-anchor="end">0</text>
    ${metric.threshold === null ? "" : svg`<line class="limit" x1=${LEFT} x2=${width - RIGHT} y1=${y(metric.threshold)} y2=${y(metric.threshold)}/>
      <text x=${LEFT - 6} y=${y(metric.threshold) + 4} text-anchor="end">${metric.threshold}</text>`}
    <polyline class="curve" points=${curve}/>
    ${places.map(({ point, x, y: top }) => dot(x, top, point, time))}
    ${places.map(({ point, x }, index) => (index % 3 === 0 ? svg`<text x=${x} y=${HEIGHT - 6} text-anchor="middle">${time(point.at)}</text>` : ""))}
  </svg>`;
}
