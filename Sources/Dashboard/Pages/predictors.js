// What boards learn for each other: how well latency follows from what boards of a class and of others measured, and
// the gates that boards of a class train together.
import { getRecent } from "./coordinator.js";
import { badge, boardLink, cards, digits, element, facts, link, note, number, percent, table, text }
  from "./elements.js";
import { hooksPart } from "./hooks.js";
import { agreementPlot, plots } from "./plots.js";

const all = () => getRecent("v1/predictors", 10000);

// Whether the margin holds as often as it says.
function coverageBadge(predictor) {
  if (typeof predictor.coverage !== "number") return "-";
  const isKept = predictor.coverage >= predictor.statedCoverage;
  const mark = isKept ? badge("holds", "good") : badge("below", "warn");
  return [`${percent(predictor.coverage, 0)} `, mark];
}

const plotOf = (predictor) => agreementPlot(`${predictor.name}: measured over predicted latency in ms`,
  predictor.samples.map((sample) => ({
    predicted: sample.predictedMilliseconds, measured: sample.measuredMilliseconds, isWithin: sample.isWithinMargin,
    label: `${sample.board}, ${sample.subnet}: measured ${digits(sample.measuredMilliseconds, 3)} ms, `
      + `predicted ${digits(sample.predictedMilliseconds, 3)} ms`,
  })), predictor.relativeMargin ?? null, { nameX: "predicted, ms" });

// Which classes lend to one that measured little itself.
function originOf({ transfer }) {
  if (!transfer) return "-";
  const lent = transfer.sources.map((source) => `${source.boardClass} ${digits(source.weight, 2)}`).join(", ");
  return [`${transfer.measured} of ${transfer.wanted} measured${lent ? ", and " + lent : ""} `,
    transfer.isUsed ? badge("used", "good") : badge("not yet", "plain")];
}

export function transferPart({ transfer }) {
  if (!transfer) return null;
  return element("section", { class: "panel", "data-key": "transfer" },
    element("h2", {}, "Borrowed from other classes ",
      transfer.isUsed ? badge("used", "good") : badge("not used yet", "plain")),
    element("p", { class: "quiet" }, `The class measured ${transfer.measured} of ${transfer.wanted} subnets on`,
      " request. Other classes count by how little the ratio of the two strays over subnets that both measured."),
    transfer.refusal ? note(transfer.refusal, "warn") : cards(
      ["Margin, middle subnet", "±" + percent(transfer.relativeMargin, 1) + " %"],
      [`Holds, % (stated ${percent(transfer.statedCoverage, 0)})`, coverageBadge(transfer)],
      ["Checked", `${transfer.within} of ${transfer.checked} within`],
      ["Median error", percent(transfer.medianRelativeError, 1) + " %"], ["Spearman", digits(transfer.spearman, 3)]),
    table("Classes that lend", [
      text("Class"), text("Engine"), number("Weight"), number("Strays, %"), number("Subnets"), number("Shared"),
      text("Boards"),
    ], transfer.sources.map((source) => ({ key: source.boardClass + " " + source.engineVersion, cells: [
      source.boardClass, source.engineVersion, digits(source.weight, 2), percent(source.spread, 1),
      source.measurements, source.shared, source.boards.slice(0, 20).map((board) => [boardLink(board), " "]),
    ] }))));
}

export async function predictorsPage() {
  const predictors = await all();
  return [
    element("h1", {}, "Latency predictors"),
    element("section", { class: "panel" }, table("Predictors", [
      text("Class and model"), number("Boards"), number("Samples"), text("From"), number("Spearman"),
      number("Median error %"), number("Margin ±%"), number("Margin holds, %"), text("Borrowed"),
      text("Refusal"),
    ], predictors.map((one) => ({ key: one.name, cells: [
      link("#/predictor/" + encodeURIComponent(one.name), one.name), one.boards.length, one.samples.length, one.basis,
      digits(one.spearman, 3), percent(one.medianRelativeError, 1), percent(one.relativeMargin, 1), coverageBadge(one),
      originOf(one), one.refusal ?? "-",
    ] })))),
    predictors.length > 0 ? plots(...predictors.filter((one) => one.samples.length > 0).map(plotOf)) : null,
    await hooksPart(),
  ];
}

export async function predictorPage(fleet, name) {
  const predictor = (await all()).find((one) => one.name === name);
  if (!predictor) return [element("h1", {}, "No predictor is named " + name), link("#/predictors", "All predictors")];
  const rows = predictor.samples.map((sample) => {
    const error = sample.predictedMilliseconds / sample.measuredMilliseconds - 1;
    return { key: sample.board + " " + sample.subnet, cells: [
      boardLink(sample.board), digits(sample.measuredMilliseconds, 3), digits(sample.predictedMilliseconds, 3),
      (error > 0 ? "+" : "") + percent(error, 1),
      sample.isWithinMargin ? badge("within", "good") : badge("outside", "warn"), element("code", {}, sample.subnet),
    ] };
  });
  return [
    element("h1", {}, predictor.name),
    facts(
      ["Predicted from", predictor.basis], ["Boards", predictor.boards.join(", ")],
      ["Engines", predictor.engineVersions.join(", ")],
      typeof predictor.slope === "number"
        ? ["Line", `${digits(predictor.intercept, 3)} ms + ${predictor.slope.toExponential(3)} x basis`] : null),
    predictor.refusal ? note(predictor.refusal, "warn") : null,
    cards(
      ["Spearman", digits(predictor.spearman, 3)], ["Median error", percent(predictor.medianRelativeError, 1) + " %"],
      ["Stated margin", "±" + percent(predictor.relativeMargin, 1) + " %"],
      [`Holds, % (stated ${percent(predictor.statedCoverage, 0)})`, coverageBadge(predictor)]),
    transferPart(predictor),
    element("section", { class: "panel" },
      element("h2", {}, "Predicted against measured"),
      element("p", { class: "quiet" }, "Every measurement is left out of the fit that predicts it:",
        " boards are predicted by the others of their class, a board that is alone by its other architectures. A cross",
        " lies outside the margin of the fit that it was left out of, which may be narrower than the band: the band is",
        " the margin of the fit over all."),
      plots(plotOf(predictor), element("div", {}, table("Samples", [
        text("Board"), number("Measured ms"), number("Predicted ms"), number("Error %"), text("Margin"), text("Subnet"),
      ], rows)))),
  ];
}
