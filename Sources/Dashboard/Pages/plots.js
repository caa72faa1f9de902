import { drawing, element } from "./elements.js";

// Plots as drawings, as wide as they are shown, so that their text keeps its size on a phone.

const [left, right, top, bottom, height] = [52, 14, 14, 42, 260];
const twoColumns = matchMedia("(min-width: 66rem)");

function width() {
  const room = document.getElementById("main").clientWidth - 32;
  return Math.max(260, Math.round(twoColumns.matches ? (room - 24) / 2 - 34 : room - 34));
}

export const plots = (...figures) => element("div", { class: "plots" }, figures);

// Round numbers from `low` to `high`: 1, 2 or 5 times a power of ten apart.
export function ticks(low, high, most = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough * 0.999);
  const found = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) found.push(value);
  return found;
}

// Round times, in milliseconds.
function moments(low, high, most = 4) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];
  const step = 1000 * (steps.find((value) => value * 1000 * most >= high - low) ?? 86400);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(value);
  return found.length > 0 ? found : [low];
}

const shortest = (value, step) => value.toFixed(step >= 1 ? 0 : Math.min(4, Math.ceil(-Math.log10(step) - 1e-9)));
const textOf = (marks) => (value) => shortest(value, marks.length > 1 ? marks[1] - marks[0] : Math.abs(value) || 1);

const bounds = (values) =>
  values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);

// Somewhat more than what is there, and no less than nothing.
function range(values, fromZero) {
  const [least, most] = bounds(values);
  const room = (most - least || Math.abs(most) || 1) * 0.06;
  return [fromZero || least - room < 0 && least >= 0 ? 0 : least - room, most + room];
}

// The frame of a plot: lines at round numbers, names of both axes; `x` and `y` place values in it.
function frame(caption, [lowX, highX], [lowY, highY], options) {
  const wide = width();
  const x = (value) => left + (value - lowX) / (highX - lowX || 1) * (wide - left - right);
  const y = (value) => height - bottom - (value - lowY) / (highY - lowY || 1) * (height - bottom - top);
  const svg = drawing("svg", {
    viewBox: `0 0 ${wide} ${height}`, width: wide, height, role: "img", "aria-label": caption,
  });
  const marksX = options.isTime ? moments(lowX, highX) : ticks(lowX, highX, wide < 420 ? 4 : 6);
  const marksY = options.wholeY ? ticks(lowY, highY, 8).filter(Number.isInteger) : ticks(lowY, highY);
  const [textX, textY] = [options.textX ?? textOf(marksX), options.textY ?? textOf(marksY)];
  for (const mark of marksY) {
    svg.append(
      drawing("line", { class: "axis", x1: left, x2: wide - right, y1: y(mark), y2: y(mark) }),
      drawing("text", { x: left - 7, y: y(mark) + 4, "text-anchor": "end" }, textY(mark)));
  }
  for (const mark of marksX) {
    svg.append(
      drawing("line", { class: "tick", x1: x(mark), x2: x(mark), y1: height - bottom, y2: height - bottom + 4 }),
      drawing("text", { x: x(mark), y: height - bottom + 17, "text-anchor": "middle" }, textX(mark)));
  }
  if (options.nameX)
    svg.append(drawing("text", { class: "name", x: wide - right, y: height - 7, "text-anchor": "end" }, options.nameX));
  return { svg, x, y };
}

function figure(caption, svg, legend) {
  return element("figure", {}, element("figcaption", {}, caption), svg, legend.length === 0 ? null
    : element("ul", { class: "legend" }, legend.map((entry) => element("li", {},
      element("span", { class: "swatch " + entry.class, "aria-hidden": "true" }), entry.name))));
}

const nothing = (caption) => element("figure", {}, element("figcaption", {}, caption),
  element("p", { class: "empty" }, "Nothing was measured yet."));

// Where boards were away the line has a gap: no line is drawn over five times the usual distance.
function path(values, x, y, isStep) {
  const gaps = values.slice(1).map((point, index) => point.x - values[index].x).sort((a, b) => a - b);
  const usual = gaps.length > 0 ? gaps[gaps.length >> 1] : 0;
  let [d, before] = ["", null];
  for (const point of values) {
    const [px, py] = [x(point.x).toFixed(1), y(point.y).toFixed(1)];
    if (before === null || usual > 0 && point.x - before.x > 5 * usual) d += `M${px},${py}`;
    else d += isStep ? `H${px}V${py}` : `L${px},${py}`;
    before = point;
  }
  return d;
}

// Lines over time. A series is `{ name, class, values: [{ x, y }], isStep, note }` with x in milliseconds since 1970;
// the legend tells the newest value, or the note.
export function timePlot(caption, series, options = {}) {
  const drawn = series.filter((one) => one.values.length > 0);
  if (drawn.length === 0) return nothing(caption);
  const all = drawn.flatMap((one) => one.values);
  const [from, to] = bounds(all.map((point) => point.x));
  const { svg, x, y } = frame(caption, [from, Math.max(to, from + 1000)], options.rangeY
    ?? range(all.map((point) => point.y), options.fromZero ?? true), {
    isTime: true, textX: (value) => new Date(value).toLocaleTimeString("en-GB"), ...options,
  });
  for (const one of drawn)
    svg.append(drawing("path", { class: "line " + one.class, d: path(one.values, x, y, one.isStep) }));
  const newest = (one) => one.values[one.values.length - 1].y.toFixed(options.places ?? 2);
  return figure(caption, svg, drawn.map((one) =>
    ({ class: one.class, name: one.note ?? `${one.name}: ${newest(one)}${options.unit ? " " + options.unit : ""}` })));
}

// Points in a plane: `{ x, y, label, class }`. With `isFront` a line joins those that no other beats.
export function pointPlot(caption, points, options = {}) {
  if (points.length === 0) return nothing(caption);
  const { svg, x, y } = frame(
    caption, range(points.map((point) => point.x)), range(points.map((point) => point.y)), options);
  if (options.isFront) {
    const front = [];
    for (const point of [...points].sort((a, b) => a.x - b.x || b.y - a.y))
      if (front.length === 0 || point.y > front[front.length - 1].y) front.push(point);
    svg.append(drawing("path", { class: "line first thin", d: path(front, x, y, false) }));
  }
  svg.append(...points.map((point) => dot(point, x, y)));
  return figure(caption, svg, options.legend ?? []);
}

function dot(point, x, y) {
  const [px, py] = [x(point.x), y(point.y)];
  const kind = "dot " + (point.class ?? "first");
  // What stands out differs in form as well as in colour.
  const mark = point.isCross
    ? drawing("path", { class: kind + " cross", d: `M${px - 4},${py - 4}l8,8M${px - 4},${py + 4}l8,-8` })
    : drawing("circle", { class: kind, cx: px, cy: py, r: point.radius ?? 4 });
  mark.append(drawing("title", {}, point.label ?? ""));
  return mark;
}

// Measured over predicted: where both are equal is a line, and around it the margin that the predictor states.
export function agreementPlot(caption, samples, margin, options = {}) {
  if (samples.length === 0) return nothing(caption);
  const most = Math.max(...samples.flatMap((sample) => [sample.predicted, sample.measured])) * 1.05;
  const { svg, x, y } = frame(caption, [0, most], [0, most], options);
  const at = (h, v) => `${x(h).toFixed(1)},${y(Math.min(v, most)).toFixed(1)}`;
  if (margin !== null) {
    const top = most / (1 + margin);
    svg.append(drawing("path", {
      class: "band", d: `M${at(0, 0)}L${at(top, most)}L${at(most, most)}L${at(most, most * Math.max(0, 1 - margin))}Z`,
    }));
  }
  svg.append(drawing("path", { class: "line limit thin", d: `M${at(0, 0)}L${at(most, most)}` }));
  svg.append(...samples.map((sample) => dot({
    x: sample.predicted, y: sample.measured, label: sample.label, class: sample.isWithin ? "first" : "bad",
    isCross: !sample.isWithin,
  }, x, y)));
  return figure(caption, svg, [
    { class: "first dotted", name: "within the margin of its fit" }, { class: "bad crossed", name: "outside it" },
    { class: "limit", name: "measured as predicted" },
  ]);
}
