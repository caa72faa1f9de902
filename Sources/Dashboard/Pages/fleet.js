// All boards at a glance, and what wants a person's attention.
import { badge, boardLink, cards, count, digits, element, filterField, modelLink, number, percent, table, text }
  from "./elements.js";

// Rows that are shown of more; the filter finds the others.
const shownRows = 200;
let filter = "";

export const statusBadge = (status) =>
  badge(status, status === "connected" ? "good" : status === "lost" ? "bad" : status === "suspect" ? "warn" : "plain");

// Nothing where it takes part.
export const drainBadge = (board) => !board.isDrained ? null
  : badge(board.reportedGeneration === board.desiredGeneration ? "drained" : "draining", "plain");

export const isLate = (model) =>
  model.constraintMilliseconds > 0 && model.p99Milliseconds > model.constraintMilliseconds;

export const generationOf = (board) => board.reportedGeneration === board.desiredGeneration
  ? `${board.desiredGeneration} in force` : `${board.reportedGeneration} of ${board.desiredGeneration}`;

export const labelsOf = (board) => Object.entries(board.labels).map(([key, value]) => `${key}=${value}`).join(" ");

// The share of frames that kept the constraint, and how that looks.
function attainment(value) {
  if (value === null || value === undefined) return "-";
  return element("span", { class: value < 0.9 ? "bad" : value < 0.99 ? "warn" : "good" }, percent(value));
}

// What the models of boards attain; `isOfMany` boards, or of one.
export function modelTable(models, isOfMany) {
  const columns = [
    text("Model"), text("Point"), number("p50 ms"), number("p99 ms"), number("Constraint ms"), number("SLO %"),
    number("Top-1 %"), number("Switches"), number("Dropped"),
  ];
  const rows = models.map((model) => {
    const hasPoint = model.activePoint !== null && model.activePoint !== undefined;
    const cells = [
      modelLink(model.model), hasPoint ? `${model.activePoint} of 0-${model.pointCount - 1}` : "-",
      digits(model.p50Milliseconds, 2),
      element("span", { class: isLate(model) ? "bad" : null }, digits(model.p99Milliseconds, 2)),
      digits(model.constraintMilliseconds, 1), attainment(model.sloAttainment), percent(model.accuracy),
      count(model.switches), count(model.dropped),
    ];
    return { key: `${model.board} ${model.model}`, cells: isOfMany ? [boardLink(model.board), ...cells] : cells };
  });
  return table("Models", isOfMany ? [text("Board"), ...columns] : columns, rows);
}

function boardTable(boards) {
  const columns = [
    text("Board"), text("Status"), text("Class"), text("Labels"), number("Cores"), text("Assignment"), number("Gaps"),
    text("Cannot be met"),
  ];
  return table("Boards", columns, boards.map((board) => ({
    key: board.name,
    cells: [
      boardLink(board.name),
      element("span", {}, statusBadge(board.status), board.isDrained ? " " : null, drainBadge(board)),
      board.boardClass, labelsOf(board), board.cores,
      generationOf(board), board.telemetryGaps, board.infeasible.join("; ") || "-",
    ],
  })));
}

function attention(fleet) {
  const found = [];
  for (const board of fleet.boards) {
    if (board.status === "lost" || board.status === "suspect")
      found.push([board.name, badge(board.status, board.status === "lost" ? "bad" : "warn"), "says nothing any more"]);
    for (const reason of board.infeasible) found.push([board.name, badge("cannot be met", "bad"), reason]);
    if (board.telemetryGaps > 0)
      found.push([board.name, badge("gaps", "warn"), `${board.telemetryGaps} telemetry records are missing`]);
  }
  for (const model of fleet.models.filter(isLate)) {
    const [p99, limit] = [digits(model.p99Milliseconds, 1), digits(model.constraintMilliseconds, 1)];
    found.push([model.board, badge("late", "warn"), `${model.model}: p99 ${p99} ms, constraint ${limit} ms`]);
  }
  if (found.length === 0) return element("p", { class: "empty good" }, "Nothing: every board is there and in time.");
  return element("ul", { class: "list" }, found.slice(0, 20).map(([board, mark, message]) =>
    element("li", {}, mark, " ", boardLink(board), " ", message)),
  found.length > 20 ? element("li", { class: "quiet" }, `and ${found.length - 20} more`) : null);
}

export function fleetPage(fleet) {
  const status = fleet.status;
  const dropped = Object.values(status.droppedFrames).reduce((sum, frames) => sum + frames, 0);
  const kept = fleet.models.map((model) => model.sloAttainment).filter((value) => typeof value === "number");
  const worst = kept.length > 0 ? Math.min(...kept) : null;
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const boards = fleet.boards.filter((board) => {
    const all = `${board.name} ${board.status} ${board.boardClass} ${labelsOf(board)}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
  const shown = boards.slice(0, shownRows), names = new Set(shown.map((board) => board.name));
  const isAll = status.boardsConnected === status.boardsEnrolled;
  return [
    element("h1", {}, "Fleet"),
    cards(
      ["Boards connected", `${status.boardsConnected} of ${status.boardsEnrolled}`, isAll ? "good" : "warn"],
      ["Worst SLO attainment", worst === null ? "-" : percent(worst) + " %"],
      ["Telemetry records", count(status.telemetryRecords)],
      ["Frames refused", count(dropped), dropped ? "warn" : null],
      ["Version", status.version]),
    element("section", { class: "panel" }, element("h2", {}, "Wants attention"), attention(fleet)),
    element("section", { class: "panel" },
      element("div", { class: "bar" }, element("h2", {}, "Boards"),
        filterField("boards-filter", "Filter", filter, (value) => { filter = value; })),
      boardTable(shown),
      boards.length > shown.length
        ? element("p", { class: "quiet" }, `${shown.length} of ${boards.length} are shown.`) : null),
    element("section", { class: "panel" }, element("h2", {}, "Models on these boards"),
      modelTable(fleet.models.filter((model) => names.has(model.board)), true)),
  ];
}
