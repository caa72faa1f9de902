// What pages are made of. Whatever comes from the fleet is only ever text: nothing of it is read as markup.

// Properties that begin with "on" are what is done on an event; those that are null, undefined or false are left out.
export function element(name, properties = {}, ...children) {
  return filled(document.createElement(name), properties, children);
}

export function drawing(name, properties = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);
}

function filled(node, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) listen(node, key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  const isThere = (child) => child !== null && child !== undefined && child !== false;
  node.append(...children.flat(Infinity).filter(isThere).map((child) => child instanceof Node ? child : String(child)));
  return node;
}

// Kept beside the node, so that a newer drawing exchanges what is done and not the node.
function listen(node, type, handler) {
  node.handlers = { ...node.handlers, [type]: handler };
  node.addEventListener(type, (event) => node.handlers[type](event));
}

// ---- a drawing over an older one

// Makes the children of `parent` those of `fresh` and keeps every node that can stay, and with it focus, what was
// typed, and how far something is scrolled. Nodes with `data-key` are found again wherever they stand.
export function redraw(parent, fresh) {
  const wanted = new Set(fresh.map(keyOf).filter((key) => key !== null));
  const known = new Map();
  for (const child of [...parent.childNodes]) {
    const key = keyOf(child);
    if (key === null) continue;
    if (wanted.has(key) && !known.has(key)) known.set(key, child); else child.remove();
  }
  let place = parent.firstChild;
  for (const child of fresh) {
    const key = keyOf(child);
    const old = key !== null ? known.get(key) ?? null : place !== null && keyOf(place) === null ? place : null;
    if (key !== null) known.delete(key);
    if (old === null) { parent.insertBefore(child, place); continue; }
    if (old === place) place = place.nextSibling; else parent.insertBefore(old, place);
    if (canStay(old, child)) update(old, child); else old.replaceWith(child);
  }
  while (place !== null) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

const keyOf = (node) => node.dataset?.key ?? null;
const events = (node) => Object.keys(node.handlers ?? {}).sort().join(" ");
const canStay = (old, fresh) => old.nodeName === fresh.nodeName && events(old) === events(fresh);

function update(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes])
    // Whether details are open is the reader's choice.
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  old.handlers = fresh.handlers;
  redraw(old, [...fresh.childNodes]);
}

// ---- parts

export const text = (name) => ({ name, isNumber: false });
export const number = (name) => ({ name, isNumber: true });
export const link = (hash, label) => element("a", { href: hash }, label);
// In tables long names are cut; the whole one is the title.
const named = (page, name) => element("a", { href: `#/${page}/` + encodeURIComponent(name), title: name }, name);
export const boardLink = (name) => named("board", name);
export const modelLink = (name) => named("model", name);
export const badge = (label, tone) => element("span", { class: "badge " + tone }, label);
export const note = (message, tone = "") => element("p", { class: "note " + tone, role: "status" }, message);

// Rows are lists of cells, or `{ key, cells }` where rows come and go. On a phone each row becomes a card, whose cells
// carry the names of their columns.
export function table(caption, columns, rows) {
  const kind = (column) => column.isNumber ? "number" : null;
  const head = columns.map((column) => element("th", { scope: "col", class: kind(column) }, column.name));
  const body = rows.map((row) => {
    const cells = row.cells ?? row;
    return element("tr", { "data-key": row.key }, cells.map((cell, index) => element("td", {
      class: kind(columns[index]), "data-label": columns[index].name,
    }, element("div", {}, cell))));
  });
  if (rows.length === 0)
    body.push(element("tr", {}, element("td", { colspan: columns.length, class: "quiet" }, "none")));
  return element("div", { class: "wide" }, element("table", { "aria-label": caption },
    element("thead", {}, element("tr", {}, head)), element("tbody", {}, body)));
}

export function cards(...pairs) {
  return element("dl", { class: "cards" }, pairs.filter((pair) => pair !== null).map(([name, value, tone]) =>
    element("div", { class: tone ?? null }, element("dt", {}, name), element("dd", {}, value))));
}

export const facts = (...pairs) => element("dl", { class: "facts" }, pairs.filter((pair) => pair !== null)
  .map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));

// A field that narrows what is shown; what is typed stays when the page is drawn again.
export function filterField(id, label, value, onchanged) {
  const oninput = (event) => { onchanged(event.target.value); changed(); };
  return element("div", { class: "field" }, element("label", { for: id }, label),
    element("input", { id, type: "search", value, autocomplete: "off", spellcheck: "false", oninput }));
}

export function choiceField(id, label, values, value, onchanged) {
  const onchange = (event) => { onchanged(event.target.value); changed(); };
  const options = [["", "all"], ...values.map((one) => [one, one])];
  return element("div", { class: "field" }, element("label", { for: id }, label),
    element("select", { id, onchange }, options.map(([one, name]) =>
      element("option", { value: one, "data-key": one, selected: one === value }, name))));
}

// What a view is drawn from has changed: it is drawn again.
export const changed = () => dispatchEvent(new Event("shoal-changed"));

// ---- figures

const isNone = (value) => value === null || value === undefined;
// With so many places, or as many as a value other than 0 needs to be told from it.
export const digits = (value, places) => isNone(value) ? "-"
  : value !== 0 && Number(value.toFixed(places)) === 0 ? String(Number(value.toPrecision(2))) : value.toFixed(places);
export const percent = (value, places = 2) => isNone(value) ? "-" : (100 * value).toFixed(places);
export const count = (value) => isNone(value) ? "-" : value.toLocaleString("en");
export const clock = (milliseconds) => new Date(milliseconds).toLocaleTimeString("en-GB");

export function moment(milliseconds) {
  const at = new Date(milliseconds), pad = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${clock(milliseconds)}`;
}

export function seconds(value) {
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${(value / 3600).toFixed(1)} h`;
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let place = 0;
  for (; value >= 1024 && place < units.length - 1; place++) value /= 1024;
  return `${value.toFixed(value < 10 && place > 0 ? 1 : 0)} ${units[place]}`;
}
