// The page: one stream of snapshots, and views that are drawn from the newest one whenever it comes.
import { auditPage } from "./audit.js";
import { boardPage } from "./board.js";
import { follow, forgetAnswers, get, may, session } from "./coordinator.js";
import { clock, element, link, note, redraw } from "./elements.js";
import { eventsPage } from "./events.js";
import { fleetPage } from "./fleet.js";
import { modelPage, modelsPage } from "./models.js";
import { policiesPage } from "./policies.js";
import { predictorPage, predictorsPage } from "./predictors.js";
import { rolloutPage, rolloutsPage } from "./rollouts.js";

// By the first part of what stands behind `#/`; `page` is given the snapshot and the name behind that part, if any.
// `title` stands in the list of pages.
const views = {
  "": { title: "Fleet", page: fleetPage },
  board: { page: boardPage, within: "" },
  models: { title: "Models", page: modelsPage },
  model: { page: modelPage, within: "models" },
  rollouts: { title: "Rollouts", page: rolloutsPage },
  rollout: { page: rolloutPage, within: "rollouts" },
  predictors: { title: "Predictors", page: predictorsPage },
  predictor: { page: predictorPage, within: "predictors" },
  policies: { title: "Policies", page: policiesPage },
  events: { title: "Events", page: eventsPage },
  audit: { title: "Audit log", page: auditPage, role: "operator" },
};

const [main, live, leave] = ["main", "live", "leave"].map((id) => document.getElementById(id));
const [pages, caller, at] = ["pages", "caller", "at"].map((id) => document.getElementById(id));
let [fleet, stream] = [null, null];
// Whether a view is being drawn, and whether it is to be drawn again at once.
let [isDrawing, isStale, drawn] = [false, false, null];

// ---- drawing

function place() {
  const [, part = "", name = ""] = location.hash.match(/^#\/([^/]*)(?:\/(.*))?$/) ?? [];
  const view = Object.hasOwn(views, part) ? views[part] : null;
  return { part, view, name: decoded(name) };
}

// A name that is not written as names are in addresses is looked for as it stands.
function decoded(name) { try { return decodeURIComponent(name); } catch { return name; } }

function drawPages(current) {
  redraw(pages, Object.entries(views)
    .filter(([, view]) => view.title && (!view.role || may(view.role)))
    .map(([part, view]) =>
      element("a", { href: "#/" + part, "aria-current": part === current ? "page" : null }, view.title)));
  caller.textContent = session.caller ? `${session.caller.name}, ${session.caller.role}` : "";
}

async function parts({ part, view, name }) {
  if (view === null) return [element("h1", {}, "No such page"), link("#/", "The fleet")];
  if (view.role && !may(view.role))
    return [element("h1", {}, view.title), note(`This needs the role ${view.role}.`, "warn")];
  try { return await view.page(fleet, name); } catch (failure) {
    if (failure.status === 401) throw failure;
    // What the coordinator refuses has a status; all else is a fault of this page or of the network.
    if (failure.status === undefined) console.error(failure);
    return [element("h1", {}, view.title ?? name), note(failure.message, "bad")];
  }
}

// Draws the view that the address names. Called while it draws, it draws once more afterwards if that is `isWanted`.
async function draw(isWanted) {
  if (fleet === null) return;
  if (isDrawing) { isStale ||= isWanted; return; }
  isDrawing = true;
  try {
    do {
      isStale = false;
      const [here, hash] = [place(), location.hash];
      drawPages(here.view?.within ?? here.part);
      const found = await parts(here);
      if (hash !== location.hash) { isStale = true; continue; }
      show(found.flat(Infinity).filter(Boolean), hash);
    } while (isStale && session.token !== null);
  } catch (failure) {
    if (failure.status === 401) signedOut(failure.message); else console.error(failure);
  } finally { isDrawing = false; }
}

function show(nodes, hash) {
  if (session.token === null) return;
  if (drawn === hash) { redraw(main, nodes); return; }
  const isFirst = drawn === null;
  main.replaceChildren(...nodes);
  drawn = hash;
  // Where the list of pages is wider than a phone.
  pages.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  document.title = (main.querySelector("h1")?.textContent ?? "Fleet") + " - Shoal";
  if (isFirst) return;
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

// ---- token

function signedOut(reason) {
  stream?.abort();
  session.token = null;
  session.caller = fleet = drawn = null;
  forgetAnswers();
  leave.hidden = true;
  pages.replaceChildren();
  caller.textContent = "";
  say("no token", "");
  const field = element("input", { id: "token", type: "password", autocomplete: "off", required: true });
  const submitted = (event) => {
    event.preventDefault();
    session.token = field.value.trim();
    start();
  };
  main.replaceChildren(element("section", { class: "panel narrow" },
    element("h1", {}, "Token"), reason ? note(reason, "bad") : "",
    element("form", { class: "column", onsubmit: submitted },
      element("label", { for: "token" }, "A token of this coordinator"), field,
      element("p", { class: "quiet" }, "That of admin.json in the coordinator's folder, or one of shoal token create. ",
        "It is kept until this tab is closed."),
      element("button", { type: "submit", class: "main" }, "Show the fleet"))));
}

// Read out when it changes; the time of the newest snapshot beside it is not.
function say(message, tone, time = "") {
  if (live.textContent !== message) live.textContent = message;
  live.className = "live " + tone;
  at.textContent = time;
}

// ---- stream

function snapshotCame(snapshot) {
  const isFirst = fleet === null;
  fleet = snapshot;
  say("live", "good", clock(fleet.atMilliseconds));
  draw(isFirst);
}

function start() {
  if (session.token === null) { signedOut(); return; }
  fleet = drawn = null;
  leave.hidden = false;
  main.replaceChildren(element("p", { class: "empty" }, "Asking the coordinator."));
  return listen();
}

// Where the first answer takes so long, it is said why that may be.
const patience = 3000;

function sayThatItTakesLong() {
  if (fleet !== null || session.token === null || document.hidden) return;
  main.replaceChildren(note("The coordinator has not answered yet. A browser opens six connections to one address at "
    + "most: where several windows show this page, close some.", "warn"));
}

// Follows the fleet while the page is seen; what was drawn stays meanwhile.
async function listen() {
  stream?.abort();
  const own = stream = new AbortController();
  if (document.hidden) return;
  const timer = setTimeout(() => { if (!own.signal.aborted) sayThatItTakesLong(); }, patience);
  own.signal.addEventListener("abort", () => clearTimeout(timer));
  for (let wait = 500; !own.signal.aborted; wait = Math.min(2 * wait, 10000)) {
    try {
      session.caller = await get("v1/caller");
      await follow(own.signal, (snapshot) => { wait = 500; if (!own.signal.aborted) snapshotCame(snapshot); });
      say("not connected", "bad");
    } catch (failure) {
      if (own.signal.aborted) return;
      if (failure.status === 401) { signedOut(failure.message); return; }
      say("not connected", "bad");
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

// A browser opens six connections to one address: a page that nobody sees leaves its own to others.
const letGo = () => { stream?.abort(); if (session.token !== null) say("paused", ""); };
const takeUp = () => { if (session.token !== null) listen(); };
addEventListener("pagehide", letGo);
addEventListener("pageshow", (event) => { if (event.persisted) takeUp(); });
document.addEventListener("visibilitychange", () => { if (document.hidden) letGo(); else takeUp(); });

leave.addEventListener("click", () => { session.token = null; start(); });
addEventListener("hashchange", () => { if (takeToken()) start(); else draw(true); });
addEventListener("resize", () => draw(true));
addEventListener("shoal-changed", () => draw(true));
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });

// A link may bring the token, and a page after it, behind the #, which is sent to no server; the token is taken out of
// the address at once.
function takeToken() {
  const brought = location.hash.match(/^#token=([^/]*)(\/.*)?$/);
  if (!brought) return false;
  session.token = decoded(brought[1]);
  history.replaceState(null, "", location.pathname + "#" + (brought[2] ?? "/"));
  return true;
}

takeToken();
start();
