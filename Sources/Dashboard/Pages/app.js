"use strict";
// The fleet as the coordinator tells it: one stream of snapshots, and pages that are drawn from the newest one.

const main = document.getElementById("main");
const live = document.getElementById("live");
const leave = document.getElementById("leave");
const tokenKey = "shoal-token";
let fleet = null;
let drawn = "";

// ---- elements

// What comes from the fleet is only ever text: nothing of it is read as markup.
function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function drawing(name, attributes = {}, text = null) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== null) node.textContent = text;
  return node;
}

function table(caption, columns, rows) {
  const head = element("tr", {}, columns.map((column) => element("th", { scope: "col", class: column.isNumber ? "number" : null }, column.name)));
  const body = rows.map((row) => element("tr", {}, row.map((cell, index) =>
    element("td", { class: columns[index].isNumber ? "number" : null }, cell instanceof Node ? cell : String(cell)))));
  if (rows.length === 0) body.push(element("tr", {}, element("td", { colspan: columns.length, class: "quiet" }, "none")));
  return element("div", { class: "wide" }, element("table", { "aria-label": caption }, element("thead", {}, head), element("tbody", {}, body)));
}

const text = (name) => ({ name, isNumber: false });
const number = (name) => ({ name, isNumber: true });
const link = (hash, label) => element("a", { href: hash }, label);
const digits = (value, places) => value === null || value === undefined ? "-" : value.toFixed(places);
const percent = (value) => value === null || value === undefined ? "-" : (100 * value).toFixed(2);
const clock = (milliseconds) => new Date(milliseconds).toLocaleTimeString();

// ---- plots

// Lines over time or points in a plane; every series is [{x, y}], x and y in the units of the caption.
function plot(caption, series, options = {}) {
  const [width, height, left, bottom, top, right] = [640, 240, 56, 30, 12, 12];
  const all = series.flatMap((one) => one.values);
  const figure = element("figure", {});
  if (all.length === 0) return element("p", { class: "quiet" }, caption + ": nothing was measured yet");
  const xs = all.map((point) => point.x), ys = all.map((point) => point.y);
  const low = { x: Math.min(...xs), y: options.fromZero ? 0 : Math.min(...ys) };
  const high = { x: Math.max(...xs), y: Math.max(...ys) };
  const span = (a, b) => b > a ? b - a : 1;
  const x = (value) => left + (value - low.x) / span(low.x, high.x) * (width - left - right);
  const y = (value) => height - bottom - (value - low.y) / span(low.y, high.y) * (height - bottom - top);
  const svg = drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": caption });
  for (let step = 0; step <= 4; step++) {
    const value = low.y + step / 4 * (high.y - low.y);
    svg.append(drawing("line", { class: "axis", x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    svg.append(drawing("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, (options.y ?? String)(value)));
    const place = low.x + step / 4 * (high.x - low.x);
    svg.append(drawing("text", { x: x(place), y: height - 8, "text-anchor": step === 0 ? "start" : step === 4 ? "end" : "middle" }, (options.x ?? String)(place)));
  }
  for (const one of series) {
    if (one.values.length > 1) {
      const path = one.values.map((point, index) => `${index ? "L" : "M"}${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`).join("");
      svg.append(drawing("path", { class: one.class, d: path }));
    }
    if (one.hasDots || one.values.length === 1) for (const point of one.values) {
      const dot = drawing("circle", { class: "dot", cx: x(point.x), cy: y(point.y), r: 4 });
      dot.append(drawing("title", {}, point.label ?? ""));
      svg.append(dot);
    }
  }
  figure.append(svg, element("figcaption", {}, caption));
  return figure;
}

// ---- pages

function fleetPage() {
  const status = fleet.status, dropped = Object.values(status.droppedFrames).reduce((sum, count) => sum + count, 0);
  const kept = fleet.models.filter((model) => model.sloAttainment !== null && model.sloAttainment !== undefined);
  const worst = kept.length ? Math.min(...kept.map((model) => model.sloAttainment)) : null;
  const card = (name, value) => element("div", {}, element("dt", {}, name), element("dd", {}, String(value)));
  return [
    element("h1", {}, "Fleet"),
    element("dl", { class: "cards" },
      card("Boards connected", `${status.boardsConnected} of ${status.boardsEnrolled}`),
      card("Worst SLO attainment", percent(worst) + (worst === null ? "" : " %")),
      card("Telemetry records", status.telemetryRecords), card("Frames refused", dropped),
      card("Version", status.version)),
    element("h2", {}, "Boards"),
    table("Boards", [text("Board"), text("Status"), text("Class"), text("Labels"), number("Cores"), text("Assignment"), number("Gaps"), text("Cannot be met")],
      fleet.boards.map((board) => [
        link("#/board/" + encodeURIComponent(board.name), board.name), stateOf(board.status), board.boardClass,
        Object.entries(board.labels).map(([key, value]) => `${key}=${value}`).join(" "), board.cores,
        board.reportedGeneration === board.desiredGeneration ? `${board.desiredGeneration} in force` : `${board.reportedGeneration} of ${board.desiredGeneration}`,
        board.telemetryGaps, board.infeasible.join("; "),
      ])),
    element("h2", {}, "Models"), modelTable(fleet.models, true),
  ];
}

const stateOf = (status) => element("span", { class: status === "connected" ? "good" : status === "lost" ? "bad" : "warn" }, status);

function modelTable(models, hasBoards) {
  const columns = [text("Model"), text("Point"), number("p50 ms"), number("p99 ms"), number("Constraint ms"), number("SLO %"), number("Top-1 %"), number("Switches"), number("Dropped")];
  return table("Models", hasBoards ? [text("Board"), ...columns] : columns, models.map((model) => {
    const isLate = model.constraintMilliseconds > 0 && model.p99Milliseconds > model.constraintMilliseconds;
    const row = [
      model.model, model.activePoint === null || model.activePoint === undefined ? "-" : `${model.activePoint} of 0-${model.pointCount - 1}`,
      digits(model.p50Milliseconds, 2), element("span", { class: isLate ? "bad" : null }, digits(model.p99Milliseconds, 2)),
      digits(model.constraintMilliseconds, 1), percent(model.sloAttainment), percent(model.accuracy), model.switches, model.dropped,
    ];
    return hasBoards ? [link("#/board/" + encodeURIComponent(model.board), model.board), ...row] : row;
  }));
}

async function boardPage(name) {
  const board = fleet.boards.find((one) => one.name === name);
  if (!board) return [element("h1", {}, "No board is named " + name), link("#/", "All boards")];
  const windows = await get("v1/telemetry?limit=300&board=" + encodeURIComponent(name));
  const parts = [
    element("h1", {}, name), element("p", {}, stateOf(board.status), ` ${board.boardClass}, ${board.cores} cores, agent ${board.engineVersion}`),
    modelTable(fleet.models.filter((model) => model.board === name), false),
  ];
  const time = (value) => clock(value), at = (window) => window.record.startMilliseconds;
  for (const model of board.models) {
    const found = windows.flatMap((window) => window.record.models.filter((one) => one.model === model.name).map((one) => ({ at: at(window), one })));
    const line = (key) => found.filter((entry) => entry.one.frames > 0).map((entry) => ({ x: entry.at, y: entry.one[key] }));
    parts.push(
      element("h2", {}, model.name),
      plot(`${model.name}: latency in ms, p50 (blue) and p99 (ochre), against the constraint (dashed)`, [
        { class: "first", values: line("p50Milliseconds") }, { class: "second", values: line("p99Milliseconds") },
        { class: "limit", values: found.filter((entry) => entry.one.constraintMilliseconds > 0).map((entry) => ({ x: entry.at, y: entry.one.constraintMilliseconds })) },
      ], { x: time, y: (value) => value.toFixed(1), fromZero: true }),
      plot(`${model.name}: active operating point, of 0 to ${model.points.length - 1}`, [
        { class: "first", values: found.map((entry) => ({ x: entry.at, y: entry.one.activePoint })) },
      ], { x: time, y: (value) => value.toFixed(1), fromZero: true }));
    const newest = found.length ? found[found.length - 1].one.hooks : null;
    if (newest) parts.push(table("Hooks", [text("Hook"), number("Left out %")], newest.kinds.map((kind) =>
      [kind.name, kind.possible > 0 ? percent(kind.taken / kind.possible) : "-"])));
  }
  const degrees = windows.filter((window) => typeof window.record.board.temperatureCelsius === "number");
  if (degrees.length) parts.push(plot("Temperature in degrees Celsius", [
    { class: "first", values: degrees.map((window) => ({ x: at(window), y: window.record.board.temperatureCelsius })) },
  ], { x: time, y: (value) => value.toFixed(0) }));
  return parts;
}

function modelsPage() {
  const parts = [element("h1", {}, "Models")];
  const seen = new Set();
  for (const board of fleet.boards) for (const model of board.models) {
    const key = JSON.stringify([model.name, board.boardClass]);
    if (seen.has(key)) continue;
    seen.add(key);
    const points = [...model.points].sort((a, b) => a.latencyMilliseconds - b.latencyMilliseconds);
    parts.push(
      element("h2", {}, `${model.name} on ${board.boardClass}`),
      plot(`${model.name} on ${board.boardClass}: top-1 % over latency in ms on the idle board`, [{
        class: "first", hasDots: true,
        values: points.map((point) => ({ x: point.latencyMilliseconds, y: 100 * point.accuracy, label: point.subnet })),
      }], { x: (value) => value.toFixed(2), y: (value) => value.toFixed(1) }),
      table("Operating points", [number("Latency ms"), number("Top-1 %"), number("MFLOPs"), text("Subnet")],
        points.map((point) => [digits(point.latencyMilliseconds, 3), percent(point.accuracy), digits(point.flops / 1e6, 1), point.subnet])));
  }
  if (seen.size === 0) parts.push(element("p", { class: "quiet" }, "No board has reported a model yet."));
  return parts;
}

async function policiesPage() {
  const policies = await get("v1/policies");
  const area = element("textarea", { id: "policy", spellcheck: "false", required: true });
  const answer = element("div", { role: "status" });
  const send = async (dryRun) => {
    answer.replaceChildren("…");
    try {
      const result = await post("v1/policies", { file: "page.yaml", text: area.value, dryRun });
      const before = policies.find((policy) => policy.name === result.policy)?.text ?? "";
      answer.replaceChildren(
        element("p", { class: "good" }, `${result.policy}: ${dryRun ? "would become" : "is now"} version ${result.version}, for ${result.boards.join(", ") || "no board"}`),
        ...result.warnings.map((warning) => element("p", { class: "warn" }, warning)), ...(dryRun ? [difference(before, area.value)] : []));
    } catch (failure) { answer.replaceChildren(element("p", { class: "bad" }, failure.message)); }
  };
  const form = element("form", { onsubmit: (event) => { event.preventDefault(); send(true); } },
    element("label", { for: "policy" }, "Policy (YAML)"), area,
    element("div", {}, element("button", { type: "submit" }, "Dry run"), " ", element("button", { type: "button", onclick: () => send(false) }, "Apply")), answer);
  return [
    element("h1", {}, "Policies"),
    ...policies.flatMap((policy) => [
      element("h2", {}, `${policy.name}, version ${policy.version}`), element("p", {}, "Boards: " + (policy.boards.join(", ") || "none")),
      element("pre", {}, policy.text),
      element("button", { type: "button", onclick: () => { area.value = policy.text; area.focus(); } }, `Edit ${policy.name}`),
    ]),
    element("h2", {}, "Change or add"), form,
  ];
}

// Line by line, by the longest common subsequence.
function difference(before, after) {
  const [old, young] = [before.split("\n"), after.split("\n")].map((lines) => lines.slice(0, 400));
  const common = Array.from({ length: old.length + 1 }, () => new Uint16Array(young.length + 1));
  for (let i = old.length - 1; i >= 0; i--) for (let j = young.length - 1; j >= 0; j--)
    common[i][j] = old[i] === young[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const lines = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < young.length) {
    if (i < old.length && j < young.length && old[i] === young[j]) { lines.push("  " + old[i] + "\n"); i++; j++; }
    else if (j >= young.length || (i < old.length && common[i + 1][j] >= common[i][j + 1])) lines.push(element("del", {}, "- " + old[i++] + "\n"));
    else lines.push(element("ins", {}, "+ " + young[j++] + "\n"));
  }
  return element("pre", { "aria-label": "What would change" }, lines);
}

function eventsPage() {
  return [element("h1", {}, "Events"), table("Events", [text("Time"), text("Board"), text("What"), text("Message")],
    [...fleet.events].sort((a, b) => b.atMilliseconds - a.atMilliseconds)
      .map((event) => [clock(event.atMilliseconds), event.board ?? "", event.kind, event.message]))];
}

function tokenPage(reason) {
  const field = element("input", { id: "token", type: "password", autocomplete: "off", required: true });
  return [
    element("h1", {}, "Token"), reason ? element("p", { class: "bad" }, reason) : null,
    element("form", { onsubmit: (event) => { event.preventDefault(); sessionStorage.setItem(tokenKey, field.value.trim()); start(); } },
      element("label", { for: "token" }, "The token of admin.json in the coordinator's folder"), field, element("button", { type: "submit" }, "Show the fleet")),
  ].filter((part) => part !== null);
}

// ---- drawing

async function draw(isNew) {
  const hash = location.hash.startsWith("#/") ? location.hash : "#/";
  for (const one of document.querySelectorAll("nav a"))
    if (one.getAttribute("href") === hash) one.setAttribute("aria-current", "page"); else one.removeAttribute("aria-current");
  if (!fleet) return;
  // A page with a form is drawn once, lest it be emptied under the hands.
  if (hash === "#/policies" && !isNew) return;
  try {
    const parts = hash.startsWith("#/board/") ? await boardPage(decodeURIComponent(hash.slice(8)))
      : hash === "#/models" ? modelsPage() : hash === "#/policies" ? await policiesPage() : hash === "#/events" ? eventsPage() : fleetPage();
    const focused = document.activeElement?.getAttribute?.("href");
    main.replaceChildren(...parts);
    if (focused && !isNew) main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    if (isNew && drawn !== "" && drawn !== hash) main.focus();
    drawn = hash;
    document.title = "Shoal: " + (main.querySelector("h1")?.textContent ?? "");
  } catch (failure) { main.replaceChildren(element("p", { class: "bad" }, failure.message)); }
}

// ---- the coordinator

async function send(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { Authorization: "Bearer " + sessionStorage.getItem(tokenKey), ...options.headers } });
  if (response.ok) return response;
  const failure = await response.json().catch(() => ({}));
  throw Object.assign(new Error(failure.message ?? failure.error ?? response.statusText), { status: response.status });
}
const get = async (path) => (await send(path)).json();
const post = async (path, body) => (await send(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } })).json();

let stream = null;

// Server-sent events by fetch, because EventSource cannot carry a token.
async function follow(signal) {
  const reader = (await send("v1/live", { signal })).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const data = rest.slice(0, end).split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      rest = rest.slice(end + 2);
      if (!data) continue;
      const isFirst = fleet === null;
      fleet = JSON.parse(data);
      live.textContent = "live, " + clock(fleet.atMilliseconds);
      live.className = "good";
      await draw(isFirst);
    }
  }
}

async function start() {
  stream?.abort();
  const own = stream = new AbortController();
  fleet = null;
  leave.hidden = sessionStorage.getItem(tokenKey) === null;
  if (leave.hidden) { live.textContent = "no token"; main.replaceChildren(...tokenPage()); return; }
  for (let wait = 500; !own.signal.aborted; wait = Math.min(2 * wait, 10000)) {
    try { await follow(own.signal); wait = 500; } catch (failure) {
      if (own.signal.aborted) return;
      if (failure.status === 401) {
        sessionStorage.removeItem(tokenKey);
        leave.hidden = true;
        main.replaceChildren(...tokenPage(failure.message));
        return;
      }
      live.textContent = "not connected: " + failure.message;
      live.className = "bad";
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

leave.addEventListener("click", () => { sessionStorage.removeItem(tokenKey); start(); });
addEventListener("hashchange", () => draw(true));
// A link may bring the token, and a page after it, behind the #, which is sent to no server; the token is taken out of
// the address at once.
const brought = location.hash.match(/^#token=([^/]*)(\/.*)?$/);
if (brought) {
  sessionStorage.setItem(tokenKey, decodeURIComponent(brought[1]));
  history.replaceState(null, "", location.pathname + "#" + (brought[2] ?? "/"));
}
start();
