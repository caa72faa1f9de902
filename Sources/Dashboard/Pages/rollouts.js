// Rollouts: which policy goes to which boards, how far it is, what its gates say, and what people may do about it.
import { getRecent, may, post } from "./coordinator.js";
import { ask } from "./dialog.js";
import { badge, boardLink, changed, element, facts, link, moment, note, number, percent, seconds, table, text }
  from "./elements.js";

const tones = {
  awaitingApproval: "warn", running: "busy", paused: "warn", adopting: "busy", finished: "good", returning: "bad",
  returned: "bad",
};
const boardTones = {
  waiting: "plain", assigned: "busy", acknowledged: "good", failed: "bad", absent: "warn", returning: "warn",
  returned: "plain", removed: "plain",
};
const names = { awaitingApproval: "awaiting approval", inFlight: "in flight" };
const plain = (word) => names[word] ?? word;

// What people may do in which state, and what that needs.
const verbs = [
  { verb: "approve", label: "Approve", role: "admin", states: ["awaitingApproval"],
    help: "The first group begins." },
  { verb: "pause", label: "Pause", role: "operator", states: ["running"],
    help: "Boards keep what they have, and time does not count until it is resumed." },
  { verb: "resume", label: "Resume", role: "operator", states: ["paused"],
    help: "It goes on; a group that could not be judged passes by that." },
  { verb: "abort", label: "Abort", role: "operator", states: ["awaitingApproval", "running", "paused"], isGrave: true,
    help: "Every board that it touched is given back what it had. This cannot be taken back." },
];

const all = () => getRecent("v1/rollouts", 900);
const boardsOf = (rollout) => rollout.groups.flatMap((group) => group.boards);
const done = (boards) => boards.filter((board) => board.state === "acknowledged").length;

const bar = (value, most, label) => element("progress", { value, max: Math.max(1, most), "aria-label": label });

export async function rolloutsPage() {
  const rollouts = (await all()).toReversed();
  return [
    element("h1", {}, "Rollouts"),
    element("section", { class: "panel" }, table("Rollouts", [
      text("Rollout"), text("Brings"), text("Status"), text("Group"), text("Boards"), number("Failed"), number("Away"),
      text("By"), text("Begun"), text("Reason"),
    ], rollouts.map((rollout) => {
      const boards = boardsOf(rollout);
      return { key: rollout.name, cells: [
        link("#/rollout/" + encodeURIComponent(rollout.name), rollout.name), subjectOf(rollout),
        badge(plain(rollout.status), tones[rollout.status] ?? "plain"),
        `${rollout.currentGroup ?? rollout.groups.length} of ${rollout.groups.length}`,
        [bar(done(boards), boards.length, "Boards that have it"), ` ${done(boards)} of ${boards.length}`],
        boards.filter((board) => board.state === "failed").length,
        boards.filter((board) => board.state === "absent").length,
        rollout.createdBy, moment(rollout.createdAtMilliseconds), rollout.reason || "-",
      ] };
    }))),
    element("p", { class: "quiet" }, "A rollout begins by ", element("code", {}, "shoal rollout create"), "."),
  ];
}

const subjectOf = (rollout) => rollout.artefact
  ? `${rollout.artefact.kind}/${rollout.artefact.name} version ${rollout.artefact.version}` : rollout.policy;

function buttons(rollout) {
  const offered = verbs.filter((one) => one.states.includes(rollout.status) && may(one.role));
  if (offered.length === 0) return null;
  return element("div", { class: "actions" }, offered.map((one) => element("button", {
    type: "button", class: one.isGrave ? "grave" : "main", "data-key": one.verb, "data-verb": one.verb,
    onclick: () => ask({
      title: `${one.label} ${rollout.name}?`, help: one.help, label: one.label, isGrave: one.isGrave,
      act: async (reason) => {
        await post(`v1/rollouts/${encodeURIComponent(rollout.name)}/${one.verb}`, reason ? { reason } : {});
        changed();
      },
    }),
  }, one.label)));
}

// What a group is in; one that was under way when its rollout was returned is stopped.
function phaseOf(rollout, group) {
  const isReturned = rollout.status === "returning" || rollout.status === "returned";
  return isReturned && group.phase !== "passed" && group.phase !== "waiting" ? "stopped" : group.phase;
}
const phaseTones = { passed: "good", waiting: "plain", stopped: "bad" };

// The way of the groups, one step each.
const steps = (rollout) => element("ol", { class: "steps", "aria-label": "Groups" }, rollout.groups.map((group) => {
  const phase = phaseOf(rollout, group);
  const state = phase === "passed" || phase === "stopped" ? phase
    : group.number === rollout.currentGroup ? "current" : "waiting";
  return element("li", { class: state, "aria-current": state === "current" ? "step" : null },
    element("strong", {}, `Group ${group.number}`),
    ` ${plain(phase)}, ${done(group.boards)} of ${group.boards.length}`);
}));

const gateNames = {
  accuracyDrop: "accuracy may fall by", attainmentDrop: "SLO attainment may fall by", p50Ratio: "p50 may be times",
  p99Ratio: "p99 may be times", restartsPerBoard: "restarts a board",
};
const figure = (value) => value.toFixed(Math.abs(value) < 10 ? 3 : 1);

function rules(rollout) {
  const asked = rollout.rules;
  if (!asked) return null;
  const gates = Object.entries(gateNames).filter(([key]) => typeof asked.gates[key] === "number")
    .map(([key, name]) => `${name} ${asked.gates[key]}`);
  return facts(
    ["Next group when", `${percent(asked.successThreshold, 0)} % have it`],
    ["Returned when", `${percent(asked.errorThreshold, 0)} % fail`],
    ["Watched for", seconds(asked.soakSeconds)], ["Boards may take", seconds(asked.waitSeconds)],
    ["Approval", asked.needsApproval ? "needed" : "not needed"],
    ["Gates", gates.length === 0 ? "none"
      : `${gates.join("; ")}; against the ${seconds(asked.gates.pastSeconds)} before`]);
}

function gates(group) {
  if (group.findings.length === 0 && group.missing.length === 0) return null;
  const rows = group.findings.map((finding) => [
    finding.gate, finding.model ?? "boards", figure(finding.past), figure(finding.present), figure(finding.limit),
    finding.isViolated ? badge("violated", "bad") : badge("kept", "good"),
  ]);
  return [
    rows.length > 0 ? table(`Gates of group ${group.number}`, [
      text("Gate"), text("Of"), number("Before"), number("Now"), number("Allowed"), text("Verdict"),
    ], rows) : null,
    group.missing.map((reason) => note("Not judged yet: " + reason, "warn")),
  ];
}

function groupPart(rollout, group) {
  const soak = 1000 * (rollout.rules?.soakSeconds ?? 0);
  const phase = phaseOf(rollout, group);
  const isWatched = phase === "inFlight" && soak > 0;
  const counts = Object.keys(boardTones)
    .map((state) => [state, group.boards.filter((board) => board.state === state).length])
    .filter(([, many]) => many > 0);
  return element("section", { class: "panel", "data-key": "group " + group.number },
    element("h2", {}, `Group ${group.number} `, badge(plain(phase), phaseTones[phase] ?? "busy")),
    element("div", { class: "progress" },
      element("span", {}, `${done(group.boards)} of ${group.boards.length} boards have it`),
      bar(done(group.boards), group.boards.length, "Boards that have it")),
    isWatched ? element("div", { class: "progress" },
      element("span", {}, `watched for ${seconds(group.soakedMilliseconds / 1000)} of ${seconds(soak / 1000)}`),
      bar(Math.min(group.soakedMilliseconds, soak), soak, "Time watched")) : null,
    gates(group),
    element("details", { open: group.boards.length <= 20 },
      element("summary", {}, "Boards: ",
        counts.map(([state, many]) => [badge(`${many} ${state}`, boardTones[state]), " "])),
      table(`Boards of group ${group.number}`, [text("Board"), text("State"), text("Reason")],
        group.boards.slice(0, 500).map((board) => ({ key: board.board, cells: [
          boardLink(board.board), badge(board.state, boardTones[board.state] ?? "plain"), board.reason ?? "-",
        ] })))));
}

export async function rolloutPage(fleet, name) {
  const rollout = (await all()).find((one) => one.name === name);
  if (!rollout) return [element("h1", {}, "No rollout is named " + name), link("#/rollouts", "All rollouts")];
  return [
    element("div", { class: "bar" },
      element("h1", {}, rollout.name, " ", badge(plain(rollout.status), tones[rollout.status] ?? "plain")),
      buttons(rollout)),
    rollout.reason ? note(rollout.reason, tones[rollout.status] === "bad" ? "bad" : "warn") : null,
    steps(rollout),
    facts(["Brings", rollout.artefact ? subjectOf(rollout) : link("#/policies", subjectOf(rollout))],
      ["By", rollout.createdBy],
      ["Begun", moment(rollout.createdAtMilliseconds)]),
    rules(rollout),
    ...rollout.groups.map((group) => groupPart(rollout, group)),
    rollout.artefact ? null : element("details", { class: "panel", "data-key": "policy" },
      element("summary", {}, "The policy that it brings"), element("pre", {}, rollout.policyText)),
  ];
}
