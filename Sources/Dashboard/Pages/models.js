// Models: which boards carry them, and what their operating points cost and bring on each class of boards.
import { boardLink, digits, element, link, modelLink, number, percent, table, text } from "./elements.js";
import { modelTable } from "./fleet.js";
import { plots, pointPlot } from "./plots.js";

// Rows that are shown of more.
const shownRows = 200;

const byName = (a, b) => a < b ? -1 : a > b ? 1 : 0;

// Of every model, the boards that carry it by their class.
function byClass(fleet) {
  const found = new Map();
  for (const board of fleet.boards) for (const model of board.models) {
    if (!found.has(model.name)) found.set(model.name, new Map());
    const classes = found.get(model.name);
    if (!classes.has(board.boardClass)) classes.set(board.boardClass, []);
    classes.get(board.boardClass).push({ board: board.name, model });
  }
  return found;
}

function middle(values) {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// The operating points of a model on a class of boards, from fastest to slowest; each board measures its own latencies,
// and what is shown is the median.
function pointsOf(boards) {
  const found = new Map();
  for (const { model } of boards) for (const point of model.points) {
    if (!found.has(point.subnet)) found.set(point.subnet, { ...point, latencies: [] });
    found.get(point.subnet).latencies.push(point.latencyMilliseconds);
  }
  return [...found.values()].map((point) => ({ ...point, latencyMilliseconds: middle(point.latencies) }))
    .sort((a, b) => a.latencyMilliseconds - b.latencyMilliseconds);
}

export function modelsPage(fleet) {
  const rows = [...byClass(fleet)].sort(([a], [b]) => byName(a, b)).flatMap(([name, classes]) =>
    [...classes].sort(([a], [b]) => byName(a, b)).map(([boardClass, boards]) => {
      const names = new Set(boards.map(({ board }) => board));
      const points = pointsOf(boards), attained = fleet.models.filter((one) => one.model === name
        && names.has(one.board) && typeof one.sloAttainment === "number");
      const accuracies = points.map((point) => point.accuracy);
      const worst = attained.length > 0 ? Math.min(...attained.map((one) => one.sloAttainment)) : null;
      return { key: `${name} ${boardClass}`, cells: [
        modelLink(name), boardClass, boards.length, points.length,
        points.length === 0 ? "-"
          : [points[0], points[points.length - 1]].map((one) => digits(one.latencyMilliseconds, 2)).join(" to "),
        points.length === 0 ? "-" : `${percent(Math.min(...accuracies))} to ${percent(Math.max(...accuracies))}`,
        percent(worst),
      ] };
    }));
  return [
    element("h1", {}, "Models"),
    element("section", { class: "panel" }, table("Models", [
      text("Model"), text("Board class"), number("Boards"), number("Points"), number("Latency ms"), number("Top-1 %"),
      number("Worst SLO %"),
    ], rows)),
  ];
}

// The first few boards of a list, and how many more there are.
const shownBoards = 10;
const some = (boards) => boards.length <= shownBoards ? boards
  : [...boards.slice(0, shownBoards), `and ${boards.length - shownBoards} more`];
const byBoard = (word) => word.startsWith("and ") ? word : boardLink(word);

function classPart(fleet, name, boardClass, boards) {
  const points = pointsOf(boards), active = new Map();
  const told = boards.filter(({ model }) => model.points.length > 0).length;
  const subnets = new Map(fleet.models.filter((one) => one.model === name).map((one) => [one.board, one.subnet]));
  for (const { board } of boards) {
    const subnet = subnets.get(board);
    if (!subnet) continue;
    if (!active.has(subnet)) active.set(subnet, []);
    active.get(subnet).push(board);
  }
  const shown = points.map((point) => ({
    x: point.latencyMilliseconds, y: 100 * point.accuracy, class: active.has(point.subnet) ? "second" : "first",
    radius: active.has(point.subnet) ? 7 : 4,
    label: `${digits(point.latencyMilliseconds, 3)} ms, ${percent(point.accuracy)} %: ${point.subnet}`
      + (active.has(point.subnet) ? `; active on ${some(active.get(point.subnet)).join(", ")}` : ""),
  }));
  return element("section", { class: "panel", "data-key": boardClass },
    element("h2", {}, "On " + boardClass),
    element("p", { class: "quiet" },
      boards.length === 1 ? "As one board measured it."
        : told === boards.length ? `Medians of ${boards.length} boards.`
        : `Medians of ${told} of ${boards.length} boards.`),
    plots(
      pointPlot("Top-1 % over latency on the idle board", shown, {
        isFront: true, nameX: "ms", legend: [
          { class: "first dotted", name: "operating point" }, { class: "second dotted", name: "active somewhere now" }],
      }),
      element("div", {}, table("Operating points of " + boardClass,
        [number("Latency ms"), number("Top-1 %"), number("MFLOPs"), text("Subnet"), text("Active on")],
        points.map((point) => ({ key: point.subnet, cells: [
          digits(point.latencyMilliseconds, 3), percent(point.accuracy), digits(point.flops / 1e6, 1),
          element("code", {}, point.subnet), some(active.get(point.subnet) ?? []).map((board) => [byBoard(board), " "]),
        ] }))))));
}

export function modelPage(fleet, name) {
  const classes = byClass(fleet).get(name);
  const rows = fleet.models.filter((model) => model.model === name);
  if (!classes) return [element("h1", {}, "No board carries a model named " + name), link("#/models", "All models")];
  return [
    element("h1", {}, name),
    ...[...classes].sort(([a], [b]) => byName(a, b))
      .map(([boardClass, boards]) => classPart(fleet, name, boardClass, boards)),
    element("section", { class: "panel" }, element("h2", {}, "Boards"),
      modelTable(rows.slice(0, shownRows), true),
      rows.length > shownRows
        ? element("p", { class: "quiet" }, `${shownRows} of ${rows.length} boards are shown.`) : null),
  ];
}
