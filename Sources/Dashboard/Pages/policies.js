// Policies in force, and one that is written: what it would change, board by board, before it is applied.
import { getRecent, may, post } from "./coordinator.js";
import { badge, boardLink, changed, digits, element, note, percent, table, text } from "./elements.js";

// What the person is about: the answer to the last preview with the text that it is for, or why there is none.
let work = { text: "", preview: null, previewed: null, failure: null, isBusy: false, applied: null };

export async function policiesPage(fleet) {
  const policies = await getRecent("v1/policies", 2000);
  return [
    element("h1", {}, "Policies"),
    policies.length === 0 ? element("p", { class: "empty" }, "No policy is in force.") : null,
    ...policies.map(policyPart), editor(), workPart(fleet, policies),
  ];
}

const policyPart = (policy) => element("details", { class: "panel", "data-key": "policy " + policy.name },
  element("summary", {}, element("strong", {}, policy.name), " ", badge(`version ${policy.version}`, "plain"),
    ` ${policy.boards.length} ${policy.boards.length === 1 ? "board" : "boards"}`),
  element("pre", {}, policy.text),
  element("p", {}, "Boards: ", policy.boards.slice(0, 100).map((board) => [boardLink(board), " "]),
    policy.boards.length > 100 ? `and ${policy.boards.length - 100} more` : null),
  element("button", { type: "button", onclick: () => {
    const area = document.getElementById("policy");
    area.value = policy.text;
    written(policy.text);
    area.focus();
  } }, `Take ${policy.name} as a draft`));

function written(value) {
  work = { ...work, text: value, failure: null, applied: null };
  changed();
}

// Asks or changes something; `isBusy` meanwhile, so that nothing is sent twice.
async function doing(what) {
  if (work.isBusy) return;
  work = { ...work, isBusy: true, failure: null, applied: null };
  changed();
  const asked = work.text;
  try { work = { ...work, ...await what(asked), isBusy: false }; }
  catch (failure) { work = { ...work, preview: null, previewed: null, failure: failure.message, isBusy: false }; }
  changed();
}

const file = "page.yaml";
const preview = () => doing(async (asked) =>
  ({ preview: await post("v1/policies/preview", { file, text: asked }), previewed: asked }));
const apply = () => doing(async (asked) =>
  ({ applied: await post("v1/policies", { file, text: asked, dryRun: false }), preview: null, previewed: null }));

function editor() {
  const isSeen = work.preview !== null && work.previewed === work.text;
  const isFree = isSeen && !work.preview.refusal;
  const button = (id, label, properties) => element("button", { id, ...properties }, label);
  const quiet = (words) => element("span", { class: "quiet" }, words);
  return element("section", { class: "panel" }, element("h2", {}, "Change or add a policy"),
    element("form", { class: "column", onsubmit: (event) => { event.preventDefault(); preview(); } },
      element("label", { for: "policy" }, "Policy (YAML)"),
      element("textarea", { id: "policy", spellcheck: "false", required: true, rows: 16,
        oninput: (event) => written(event.target.value) }, work.text),
      element("div", { class: "actions" },
        button("preview", "Show what would change", { type: "submit", class: "main" }),
        may("operator")
          ? button("apply", "Apply", { type: "button", onclick: apply, disabled: !isFree })
          : quiet("Applying needs the role operator."),
        may("operator") && !isSeen ? quiet("Can be applied once it was seen what would change.") : null)));
}

function workPart(fleet, policies) {
  const { failure, applied, preview: answer, previewed } = work;
  if (failure !== null) return note(failure, "bad");
  if (applied !== null) return element("div", { id: "applied" },
    note(`${applied.policy} is now version ${applied.version}, for ${applied.boards.length} boards.`, "good"),
    applied.warnings.map((warning) => note(warning, "warn")));
  if (answer === null) return null;
  const before = policies.find((policy) => policy.name === answer.policy)?.text ?? "";
  return element("section", { class: "panel", id: "changes" },
    element("h2", {}, `${answer.policy} would become version ${answer.version}`),
    previewed !== work.text ? note("The text was changed since.", "warn") : null,
    answer.refusal ? note(`It cannot be applied now: ${answer.refusal}`, "bad") : null,
    element("p", {},
      `It selects ${answer.boards} of ${fleet.boards.length} boards and changes what ${answer.changedBoards} do. `,
      answer.isInForceNow ? "" : "It is outside its windows now: this is how it will be within them."),
    answer.warnings.map((warning) => note(warning, "warn")),
    changeTable(fleet, answer),
    answer.changedBoards > answer.changes.length
      ? element("p", { class: "quiet" }, `${answer.changes.length} of them are shown.`) : null,
    element("h3", {}, "Line by line"), difference(before, previewed));
}

// A point as people weigh it.
function point(fleet, board, model, place) {
  const own = fleet.boards.find((one) => one.name === board);
  const pointOn = (one) => one?.models.find((other) => other.name === model)?.points[place];
  // Of many boards of a class only some tell their points.
  const found = pointOn(own) ?? pointOn(fleet.boards.find((one) => one.boardClass === own?.boardClass && pointOn(one)));
  if (!found) return String(place);
  return `${place} (${percent(found.accuracy, 1)} %, ${digits(found.latencyMilliseconds, 2)} ms)`;
}

function changeTable(fleet, answer) {
  const parts = (board, model, one) => [
    `${one.constraintMilliseconds} ms at ${one.percentile} %`, `points ${one.lowestPoint} to ${one.highestPoint}`,
    "from " + point(fleet, board, model, one.preferredPoint), `priority ${one.priority}`,
  ];
  // What is not the same on the other side stands out.
  const terms = (board, model, one, other) => {
    if (!one) return element("span", { class: "quiet" }, "left to itself");
    const others = other ? parts(board, model, other) : [];
    return parts(board, model, one).map((part, index) =>
      [index > 0 ? ", " : null, part === others[index] ? part : element("strong", {}, part)]);
  };
  const rows = answer.changes.flatMap(({ board, models, infeasible }) => [
    ...models.map(({ model, before, after }) => ({ key: board + " " + model, cells: [
      boardLink(board), model, terms(board, model, before, after), terms(board, model, after, before)] })),
    ...infeasible.map((reason) => ({ key: board + " : " + reason, cells: [
      boardLink(board), badge("cannot be met", "bad"), "", reason] })),
  ]);
  return table("What would change", [text("Board"), text("Model"), text("Now"), text("Then")], rows);
}

// Line by line, by the longest common subsequence.
function difference(before, after) {
  const [old, young] = [before, after].map((one) => one.split("\n").slice(0, 400));
  const common = Array.from({ length: old.length + 1 }, () => new Uint16Array(young.length + 1));
  for (let i = old.length - 1; i >= 0; i--) for (let j = young.length - 1; j >= 0; j--)
    common[i][j] = old[i] === young[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const lines = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < young.length) {
    if (i < old.length && j < young.length && old[i] === young[j]) { lines.push("  " + old[i] + "\n"); i++; j++; }
    else if (j >= young.length || (i < old.length && common[i + 1][j] >= common[i][j + 1]))
      lines.push(element("del", {}, "- " + old[i++] + "\n"));
    else lines.push(element("ins", {}, "+ " + young[j++] + "\n"));
  }
  return element("pre", { "aria-label": "Lines that would change" }, lines);
}
