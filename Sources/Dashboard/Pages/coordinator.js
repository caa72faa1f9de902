// The coordinator's interface, asked with the token that this tab keeps.

const tokenKey = "shoal-token";
const ranks = ["viewer", "operator", "admin"];

export const session = {
  get token() { return sessionStorage.getItem(tokenKey); },
  set token(value) {
    if (value === null) sessionStorage.removeItem(tokenKey); else sessionStorage.setItem(tokenKey, value);
  },
  // `{ name, role }` of the token, once the coordinator has told it.
  caller: null,
};

// Whether the token's role is this one or above it. The coordinator decides all the same.
export const may = (role) => ranks.indexOf(session.caller?.role) >= ranks.indexOf(role);

async function send(path, options = {}) {
  const headers = { Authorization: "Bearer " + session.token, ...options.headers };
  const response = await fetch(path, { ...options, headers }).catch((failure) => {
    // Browsers say "Failed to fetch" and the like; a request that was given up stays what it is.
    if (failure.name === "AbortError") throw failure;
    const message = "The coordinator does not answer. Is it running, and reachable from here?";
    throw Object.assign(new Error(message), { status: 0 });
  });
  if (response.ok) return response;
  const failure = await response.json().catch(() => ({}));
  throw Object.assign(new Error(failure.message ?? response.statusText), { status: response.status });
}

export const get = async (path) => (await send(path)).json();

export async function post(path, body) {
  known.clear();
  const options = { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return (await send(path, options)).json();
}

// Answers that pages ask for whenever they are drawn; asked for again when they are older than that. A change forgets
// them all.
const known = new Map();

export async function getRecent(path, milliseconds) {
  const found = known.get(path);
  if (found && performance.now() - found.at < milliseconds) return found.answer;
  const answer = await get(path);
  known.set(path, { at: performance.now(), answer });
  if (known.size > 32) known.delete(known.keys().next().value);
  return answer;
}

export const forgetAnswers = () => known.clear();

// The fleet as it was known, with what has changed since. What did not change is the same object as before.
export function changed(fleet, changes) {
  const boards = new Map(fleet.boards.map((board) => [board.name, board]));
  for (const name of changes.boardsGone) boards.delete(name);
  for (const figures of changes.figures) {
    const board = boards.get(figures.name);
    if (board) boards.set(figures.name, { ...board, ...figures });
  }
  for (const board of changes.boards) boards.set(board.name, board);
  const place = ({ board, model }) => board + " " + model;
  const models = new Map(fleet.models.map((model) => [place(model), model]));
  for (const gone of changes.modelsGone) models.delete(place(gone));
  for (const model of changes.models) models.set(place(model), model);
  const byName = ([a], [b]) => a < b ? -1 : a > b ? 1 : 0;
  return {
    atMilliseconds: changes.atMilliseconds, status: changes.status,
    boards: [...boards].sort(byName).map(([, board]) => board),
    models: [...models].sort(byName).map(([, model]) => model),
    events: [...changes.events, ...fleet.events].slice(0, eventLimit),
  };
}

// Events that a snapshot has at most.
const eventLimit = 200;

// Snapshots of the fleet until the stream ends: server-sent events by fetch, because EventSource cannot carry a token.
// The first tells all, those after it what has changed.
export async function follow(signal, onSnapshot) {
  const response = await send("v1/live", { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", fleet = null, shown = null;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const lines = rest.slice(0, end).split("\n"), data = lines.filter((line) => line.startsWith("data: "));
      rest = rest.slice(end + 2);
      if (data.length === 0) continue;
      const told = JSON.parse(data.map((line) => line.slice(6)).join("\n"));
      fleet = lines.includes("event: changes") ? changed(fleet, told) : told;
    }
    if (fleet !== shown) onSnapshot(fleet);
    shown = fleet;
  }
}
