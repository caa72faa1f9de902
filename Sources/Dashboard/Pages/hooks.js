// Gates that boards of one class train together: the version in force, how far it has come, and where it came from.
import { getRecent } from "./coordinator.js";
import { badge, boardLink, element, moment, note, number, percent, table, text } from "./elements.js";

const perMille = (value) => (value > 0 ? "+" : "") + percent(value, 1);

// What a version is doing now.
function stageOf(group, version) {
  const { trial } = group;
  if (version.isTakenBack) return badge("taken back", "bad");
  if (version.number !== group.currentVersion) return badge("earlier", "plain");
  if (!trial || trial.version !== version.number) return badge("on all boards", "good");
  return badge(`on trial, group ${trial.current + 1} of ${trial.groups.length}`, "busy");
}

// Boards by groups, in the order in which they are reached.
const trialPart = ({ boards, trial }) => trial && element("ol", { class: "steps", "aria-label": "Groups" },
  trial.groups.map((group, index) => {
    const state = index < trial.current ? "passed" : index === trial.current ? "current" : "waiting";
    const using = group.filter((board) => boards[board] === trial.version).length;
    return element("li", { class: state, "aria-current": state === "current" ? "step" : null },
      element("strong", {}, `Group ${index + 1}`), ` ${using} of ${group.length} use it`);
  }));

export function groupPart(group) {
  const boards = Object.entries(group.boards).sort(([left], [right]) => left < right ? -1 : 1);
  const behind = boards.filter(([, version]) => version !== group.currentVersion);
  return element("section", { class: "panel", "data-key": "hooks " + group.name },
    element("h2", {}, `Shared gates of ${group.boardClass} `, badge(`version ${group.currentVersion}`, "good")),
    element("p", { class: "quiet" }, element("code", {}, group.name),
      `: ${group.parameters} parameters, ${boards.length} boards, of which ${boards.length - behind.length} use `
      + `version ${group.currentVersion}; ${group.waiting.length} of ${group.awaited} updates for the next merge, `
      + `which withstands ${group.withstands} bad.`),
    group.candidate ? note(`Version ${group.candidate} is being judged.`) : null,
    trialPart(group),
    ...group.outliers.map((one) => note(`${one.board} was named at version ${one.version}: ${one.reason}`, "warn")),
    table("Versions", [
      number("Version"), text("Stage"), number("From"), number("Samples"), number("Boards"), number("Left out"),
      number("Judges"), number("Loss, %"), text("Made"),
    ], group.versions.toReversed().map((version) => ({ key: version.number, cells: [
      version.number, stageOf(group, version), version.parent, version.samples,
      version.boards.filter((one) => !one.exclusion).length, version.boards.filter((one) => one.exclusion).length,
      version.validators.length, perMille(version.lossChange), moment(version.atMilliseconds),
    ] }))),
    boards.length === 0 ? null : element("details", {},
      element("summary", {}, "Boards and the versions that they use"),
      table("Boards", [text("Board"), number("Version")],
        boards.slice(0, 500).map(([board, version]) => ({ key: board, cells: [boardLink(board), version] })))));
}

export async function hooksPart() {
  const groups = await getRecent("v1/hooks", 5000);
  return groups.map(groupPart);
}
