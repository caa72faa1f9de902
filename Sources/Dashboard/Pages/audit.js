// What people changed, newest first, and whether the log is as it was written.
import { get, getRecent } from "./coordinator.js";
import { badge, changed, choiceField, count, element, filterField, moment, note, number, table, text }
  from "./elements.js";

const pageRows = 100;
const wanted = { words: "", action: "" };
// The number that the shown entries end with; `null` for the newest.
let before = null;
let verification = { answer: null, failure: null, at: 0, isBusy: false };

async function verify() {
  if (verification.isBusy) return;
  verification = { ...verification, isBusy: true };
  changed();
  try { verification = { answer: await get("v1/audit/verification"), failure: null, at: Date.now(), isBusy: false }; }
  catch (failure) { verification = { answer: null, failure: failure.message, at: Date.now(), isBusy: false }; }
  changed();
}

function chain() {
  const { answer, failure, at } = verification;
  const again = element("button", { type: "button", id: "verify", onclick: verify }, "Check again");
  if (failure !== null) return element("div", { id: "chain" }, note("Not checked: " + failure, "bad"), again);
  if (answer === null) return element("div", { id: "chain" }, note("The chain is being checked."), again);
  const { fault, newest, base, entries } = answer;
  const since = base.number > 0 ? ` Entries up to ${base.number} are no longer kept.` : "";
  return element("div", { id: "chain" },
    fault ? note(`The log was tampered with: entry ${fault.number} ${fault.reason}.`, "bad")
      : note(`The chain is whole: ${count(entries)} entries, each bound to the one before.${since}`, "good"),
    element("p", { class: "quiet" }, `Checked ${moment(at)}. Newest: `,
      element("code", {}, `${newest.number}:${newest.hash}`),
      ". Noted elsewhere, it can be held against the log by ", element("code", {}, "shoal audit verify"), "."),
    again);
}

function rowOf(entry) {
  return { key: String(entry.number), cells: [
    entry.number, element("span", { class: "time" }, moment(entry.atMilliseconds)), entry.actor,
    badge(entry.action, "plain"), entry.target,
    entry.before ? element("del", {}, entry.before) : "-", entry.after ? element("ins", {}, entry.after) : "-",
    element("code", { title: entry.hash }, entry.hash.slice(0, 12)),
  ] };
}

export async function auditPage() {
  if (verification.at === 0) verify();
  const place = before === null ? "" : `&after=${Math.max(0, before - pageRows)}`;
  const entries = (await getRecent(`v1/audit?limit=${pageRows}${place}`, 2000))
    .filter((entry) => before === null || entry.number <= before).toReversed();
  const words = wanted.words.toLowerCase();
  const actions = [...new Set(entries.map((entry) => entry.action))].sort();
  const all = (entry) => [entry.actor, entry.action, entry.target, entry.before ?? "", entry.after ?? ""].join(" ");
  const found = entries.filter((entry) => (!wanted.action || entry.action === wanted.action)
    && all(entry).toLowerCase().includes(words));
  const oldest = entries.length > 0 ? entries[entries.length - 1].number : 0;
  const go = (place) => { before = place; changed(); };
  return [
    element("h1", {}, "Audit log"),
    element("section", { class: "panel" }, chain()),
    element("section", { class: "panel" },
      element("div", { class: "bar" },
        filterField("audit-filter", "Filter", wanted.words, (value) => { wanted.words = value; }),
        choiceField("audit-action", "Action", actions, wanted.action, (value) => { wanted.action = value; }),
        element("p", { class: "quiet" }, `${found.length} of ${entries.length} entries`)),
      table("Audit log", [
        number("No."), text("Time"), text("Who"), text("Action"), text("What"), text("Before"), text("After"),
        text("Hash"),
      ], found.map(rowOf)),
      element("div", { class: "actions" },
        element("button", { type: "button", disabled: oldest <= 1, onclick: () => go(oldest - 1) }, "Older"),
        element("button", { type: "button", disabled: before === null, onclick: () => go(null) }, "Newest"))),
  ];
}
