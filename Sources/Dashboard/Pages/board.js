// One board: what its models attain now and attained lately, and what the board itself measured.
import { get, may, post } from "./coordinator.js";
import { ask } from "./dialog.js";
import {
  bytes, cards, clock, count, digits, element, facts, link, modelLink, moment, note, number, percent, table, text,
} from "./elements.js";
import { eventTable, newestFirst } from "./events.js";
import { drainBadge, generationOf, isLate, labelsOf, statusBadge } from "./fleet.js";
import { plots, timePlot } from "./plots.js";

// Numbers of starts begin at the time when the board's state folder was made, in milliseconds; others are numbers.
const startOf = (number) => number < 1e12 ? `number ${number}` : `in a state folder of ${moment(number)}`;

// Windows that are shown, and how old what was asked for may be before all of it is asked for again: windows that
// a board delivers late stand before those that are known.
const [windowLimit, trust] = [300, 60000];
let kept = { board: null, windows: [], at: 0 };

// The board's newest windows, oldest first; of those that are known only newer ones are asked for.
async function newestWindows(board) {
  const place = "v1/telemetry?board=" + encodeURIComponent(board);
  const isKnown = kept.board === board && kept.windows.length > 0 && performance.now() - kept.at < trust;
  if (!isKnown) {
    kept = { board, windows: await get(`${place}&limit=${windowLimit}`), at: performance.now() };
    return kept.windows;
  }
  const own = kept, newest = own.windows[own.windows.length - 1].record;
  const found = await get(`${place}&limit=${windowLimit}&since=${newest.startMilliseconds}`);
  const name = ({ record }) => `${record.incarnation}/${record.sequence}`;
  const names = new Set(own.windows.slice(-windowLimit).map(name));
  own.windows = [...own.windows, ...found.filter((window) => !names.has(name(window)))].slice(-windowLimit);
  return own.windows;
}

// One model in those windows that had it.
const seriesOf = (windows, model) => windows.flatMap(({ record, pointAccuracies }) => record.models
  .filter((one) => one.model === model)
  .map((one) => ({ at: record.startMilliseconds, one, expected: pointAccuracies?.[model] })));

// SLO attainment times accuracy of windows that tell both, in per cent: by labels, or by what points let expect.
const attained = (found, accuracy) => found.flatMap((window) => {
  const { at, one } = window, arrived = one.frames + one.dropped, share = accuracy(window);
  return arrived > 0 && typeof share === "number"
    ? [{ x: at, y: 100 * (one.frames - Math.min(one.violations, one.frames)) / arrived * share }] : [];
});

function modelPlots(points, found) {
  const line = (key, isKept = () => true) =>
    found.filter(({ one }) => isKept(one)).map(({ at, one }) => ({ x: at, y: one[key] }));
  const hasFrames = (one) => one.frames > 0, hasConstraint = (one) => one.constraintMilliseconds > 0;
  const last = points - 1;
  const kinds = [...new Set(found.flatMap(({ one }) => (one.hooks?.kinds ?? []).map((kind) => kind.name)))];
  const skipped = kinds.map((name, index) => ({
    name, class: ["first", "second", "third", "fourth"][index % 4],
    values: found.flatMap(({ at, one }) => (one.hooks?.kinds ?? [])
      .filter((kind) => kind.name === name && kind.possible > 0)
      .map((kind) => ({ x: at, y: 100 * kind.taken / kind.possible }))),
  }));
  return plots(
    timePlot("Latency in ms", [
      { name: "p50", class: "first", values: line("p50Milliseconds", hasFrames) },
      { name: "p99", class: "second", values: line("p99Milliseconds", hasFrames) },
      { name: "constraint", class: "limit", isStep: true, values: line("constraintMilliseconds", hasConstraint) },
    ], { unit: "ms", places: 1 }),
    timePlot(`Active operating point, 0 to ${last}`, [
      { name: "point", class: "first", isStep: true, values: line("activePoint") },
    ], { places: 0, wholeY: true, rangeY: [-0.3, last + 0.3] }),
    timePlot("SLO attainment times accuracy, %", [
      { name: "of frames with labels", class: "first",
        values: attained(found, ({ one }) => one.labelled > 0 ? one.correct / one.labelled : null) },
      { name: "of operating points", class: "second",
        values: attained(found, ({ one, expected }) => one.frames > 0 ? expected : null) },
    ], { unit: "%", places: 1 }),
    timePlot("Switches in each window", [
      { note: `${count(found.reduce((sum, { one }) => sum + one.switches, 0))} in the time shown`, class: "fourth",
        isStep: true, values: line("switches") },
    ], { places: 0, wholeY: true }),
    kinds.length > 0 ? timePlot("Left out by hooks, % of what could be", skipped, { unit: "%", places: 1 }) : null);
}

function modelPart(model, summary, found) {
  const hooks = summary?.hooks;
  const possible = (hooks?.kinds ?? []).filter((kind) => kind.possible > 0);
  return element("section", { class: "panel", "data-key": "model " + model.name },
    element("h2", {}, modelLink(model.name)),
    summary ? cards(
      ["Point", summary.activePoint === undefined ? "-" : `${summary.activePoint} of 0-${summary.pointCount - 1}`],
      ["p50", digits(summary.p50Milliseconds, 2) + " ms"],
      ["p99", digits(summary.p99Milliseconds, 2) + " ms", isLate(summary) ? "bad" : null],
      ["Constraint", summary.constraintMilliseconds > 0 ? digits(summary.constraintMilliseconds, 1) + " ms" : "none"],
      ["SLO attainment", percent(summary.sloAttainment) + " %"],
      ["Top-1 of " + (summary.accuracySource ?? "labels"),
        percent(summary.accuracy ?? summary.expectedAccuracy) + " %"],
      ["SLO attainment × accuracy", percent(summary.attainedAccuracy) + " %"],
      ["Switches", count(summary.switches)], ["Frames dropped", count(summary.dropped)],
      hooks?.budget === undefined ? null : ["Hook budget", String(hooks.budget)],
      ...possible.map((kind) => [`Left out: ${kind.name}`, percent(kind.taken / kind.possible, 1) + " %"])) : null,
    summary?.subnet ? element("p", { class: "quiet" }, "Subnet ", element("code", {}, summary.subnet)) : null,
    hooks?.reason ? note("Hooks: " + hooks.reason, "warn") : null,
    modelPlots(summary?.pointCount ?? model.points.length, found));
}

function boardPlots(windows) {
  const line = (key, scale = 1) => windows.filter(({ record }) => typeof record.board[key] === "number")
    .map(({ record }) => ({ x: record.startMilliseconds, y: scale * record.board[key] }));
  const shown = [
    ["Temperature in degrees Celsius", "temperatureCelsius", 1, "temperature",
      { fromZero: false, unit: "°C", places: 1 }],
    ["Busy share of the processors, %", "cpuLoad", 100, "load", { unit: "%", places: 0 }],
    ["Clock frequency in MHz", "cpuFrequencyMegahertz", 1, "frequency", { unit: "MHz", places: 0, fromZero: false }],
    ["Memory of the agent in MB", "memoryBytes", 1e-6, "memory", { unit: "MB", places: 1 }],
  ];
  const figures = shown.map(([caption, key, scale, name, options]) => [caption, name, line(key, scale), options])
    .filter(([, , values]) => values.length > 0)
    .map(([caption, name, values, options]) => timePlot(caption, [{ name, class: "first", values }], options));
  return figures.length > 0 ? plots(...figures) : element("p", { class: "empty" }, "Nothing was measured yet.");
}

function interference(board) {
  const rows = Object.entries(board.interference ?? {}).flatMap(([model, factors]) =>
    Object.entries(factors).map(([neighbour, factor]) => [model, neighbour, digits(factor, 2)]));
  if (rows.length === 0) return null;
  return element("section", { class: "panel" }, element("h2", {}, "What models cost each other"),
    table("Interference", [text("Model"), text("beside"), number("takes so many times as long")], rows));
}

// A board whose figures are impossible is served, and not learned from.
export const quarantineNote = ({ quarantine }) => quarantine ? note(
  `Nothing is learned from it since ${moment(quarantine.sinceMilliseconds)}: ${quarantine.reason}`, "warn") : null;

// What an operator may do to it.
function buttons(board) {
  if (!may("operator") || board.isDrained === undefined) return null;
  const verb = board.isDrained ? "undrain" : "drain", label = board.isDrained ? "Undrain" : "Drain";
  const help = board.isDrained ? "The board takes part again: policies assign its models as they do on others."
    : "What its models are asked is withdrawn, and nothing new is asked of the board. It stays connected.";
  return element("div", { class: "actions" }, element("button", {
    type: "button", class: board.isDrained ? "main" : "grave", "data-key": verb, "data-verb": verb,
    onclick: () => ask({
      title: `${label} ${board.name}?`, help, label, isGrave: !board.isDrained,
      act: (reason) => post(`v1/boards/${encodeURIComponent(board.name)}/${verb}`, reason ? { reason } : {}),
    }),
  }, label));
}

export async function boardPage(fleet, name) {
  const board = fleet.boards.find((one) => one.name === name);
  if (!board) return [element("h1", {}, "No board is named " + name), link("#/", "All boards")];
  const windows = await newestWindows(name);
  const models = board.models.map((model) => modelPart(
    model, fleet.models.find((one) => one.board === name && one.model === model.name), seriesOf(windows, model.name)));
  const own = newestFirst(fleet.events.filter((event) => event.board === name)).slice(0, 20);
  const newest = windows.length > 0 ? clock(windows[windows.length - 1].record.startMilliseconds) : "none";
  return [
    element("h1", {}, name, " ", statusBadge(board.status), board.isDrained ? " " : null, drainBadge(board)),
    buttons(board),
    facts(
      ["Class", board.boardClass], ["Cores", board.cores], ["Memory", bytes(board.memoryBytes)],
      ["Agent", board.engineVersion], ["Labels", labelsOf(board) || "none"], ["Start", startOf(board.incarnation)],
      ["Assignment", generationOf(board)], ["Last heard", moment(board.lastSeenMilliseconds)],
      ["Newest window", newest]),
    quarantineNote(board),
    ...board.infeasible.map((reason) => note("Cannot be met: " + reason, "bad")),
    board.refusedRecords > 0 ? note(`${board.refusedRecords} telemetry records were refused`, "warn") : null,
    ...models,
    element("section", { class: "panel" }, element("h2", {}, "Board"), boardPlots(windows)),
    interference(board),
    element("section", { class: "panel" }, element("h2", {}, "Events"), eventTable(own)),
  ];
}
