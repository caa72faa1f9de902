// The newest events of the fleet.
import { badge, boardLink, choiceField, element, filterField, moment, table, text } from "./elements.js";

const bad = ["boardLost", "auditTampered", "hooksRefused", "telemetryLost", "spoolTroubled", "constraintInfeasible"];
const odd = [
  "enrolmentRefused", "messageRefused", "telemetryRefused", "boardRestarted", "hookOutlier", "boardRevoked",
  "keyRotationFailed",
];
const wanted = { kind: "", words: "" };

export function eventTable(events) {
  return table("Events", [text("Time"), text("Board"), text("What"), text("Message")], events.map((event) => ({
    key: `${event.atMilliseconds} ${event.kind} ${event.board ?? ""} ${event.message}`,
    cells: [
      element("span", { class: "time" }, moment(event.atMilliseconds)), event.board ? boardLink(event.board) : "",
      badge(event.kind, bad.includes(event.kind) ? "bad" : odd.includes(event.kind) ? "warn" : "plain"), event.message,
    ],
  })));
}

export const newestFirst = (events) => [...events].sort((a, b) => b.atMilliseconds - a.atMilliseconds);

export function eventsPage(fleet) {
  const kinds = [...new Set(fleet.events.map((event) => event.kind))].sort();
  const words = wanted.words.toLowerCase();
  const found = newestFirst(fleet.events).filter((event) => (!wanted.kind || event.kind === wanted.kind)
    && `${event.board ?? ""} ${event.kind} ${event.message}`.toLowerCase().includes(words));
  return [
    element("h1", {}, "Events"),
    element("section", { class: "panel" },
      element("div", { class: "bar" },
        filterField("events-filter", "Filter", wanted.words, (value) => { wanted.words = value; }),
        choiceField("events-kind", "What", kinds, wanted.kind, (value) => { wanted.kind = value; }),
        element("p", { class: "quiet" }, `${found.length} of the newest ${fleet.events.length}`)),
      eventTable(found)),
  ];
}
