"use strict";

const find = (selector, within = document) => within.querySelector(selector);
const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

const cards = findAll(".card");
const byName = new Map(cards.map((card) => [card.dataset.name, card]));
const search = find("#search");
const dialog = find("#dialog");
const other = find("#other");

// --- search and filter ---------------------------------------------------------------------------

function pressed(kind) {
  return findAll(`.chip[data-${kind}][aria-pressed="true"]`).map((chip) => chip.dataset[kind]).filter(Boolean);
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const [family] = pressed("family");
  const traits = pressed("trait").map((trait) => trait.replaceAll(" ", "-"));
  for (const card of cards) {
    const has = card.dataset.traits.split(" ");
    card.hidden = !(
      words.every((word) => card.dataset.search.includes(word)) &&
      (!family || card.dataset.family === family) &&
      traits.every((trait) => has.includes(trait))
    );
  }
  const count = visible().length;
  find("#count").textContent = count === cards.length ? `${count}` : `${count} of ${cards.length}`;
  find("#none").hidden = count > 0;
}

function visible() {
  return cards.filter((card) => !card.hidden);
}

function press(chip, state) {
  chip.setAttribute("aria-pressed", String(state));
}

function showAll() {
  search.value = "";
  for (const chip of findAll(".chip")) press(chip, chip.dataset.family === "");
  filter();
  search.focus();
}

for (const chip of findAll(".chip[data-family]")) {
  chip.addEventListener("click", () => {
    for (const each of findAll(".chip[data-family]")) press(each, each === chip);
    filter();
  });
}
for (const chip of findAll(".chip[data-trait]")) {
  chip.addEventListener("click", () => {
    press(chip, chip.getAttribute("aria-pressed") !== "true");
    filter();
  });
}
search.addEventListener("input", filter);
find("#clear").addEventListener("click", showAll);

// --- choosing two to compare -------------------------------------------------------------------------

let picked = null;

function pick(name) {
  picked = name;
  for (const card of cards) {
    card.classList.toggle("picked", card.dataset.name === name);
    press(find(".compare", card), card.dataset.name === name);
  }
  find("#tray").hidden = name === null;
  find("#tray span").textContent = name === null ? "" : `${name}: choose another to compare it with.`;
}

for (const card of cards) {
  const { name } = card.dataset;
  find(".sketch", card)?.addEventListener("click", () => show([name]));
  find(".compare", card).addEventListener("click", () => {
    if (picked === null || picked === name) {
      pick(picked === name ? null : name);
      return;
    }
    const first = picked;
    pick(null);
    show([first, name]);
  });
}
find("#cancel").addEventListener("click", () => pick(null));

// --- one activation, or two, in the dialog: the address says which --------------------------------------

function show(names) {
  location.hash = names.join(",");
}

function shown() {
  return decodeURIComponent(location.hash.slice(1)).split(",").filter((name) => byName.has(name)).slice(0, 2);
}

function open() {
  const names = shown();
  if (names.length === 0) {
    dialog.close();
    return;
  }
  find("#title").replaceChildren(...names.flatMap((name, index) => titled(name, index, names.length)));
  other.replaceChildren(...["", ...byName.keys()].filter((name) => name !== names[0]).map(option));
  other.value = names[1] ?? "";
  find("#facts").className = names.length > 1 ? "two" : "";
  find("#facts").replaceChildren(...rows(names));
  find("#key").replaceChildren(...names.flatMap((name, index) => keys(name, index, names.length)));
  draw(names);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  find("#title").focus();
}

function titled(name, index, count) {
  const span = element("span", count > 1 ? `of-${index + 1}` : "", name);
  return index === 0 ? [span] : [" and ", span];
}

/** What curves are, where that is more than f and its derivatives. */
function keys(name, index, count) {
  const entries = findAll(".legend span", byName.get(name));
  if (entries.every((entry) => entry.textContent.trim().length < 3)) return [];
  if (count === 1) return entries.map((entry) => entry.cloneNode(true));
  return entries
    .map((entry) => entry.textContent.trim())
    .filter((text) => text.length > 2)
    .map((text) => element("span", `of-${index + 1}`, text.includes(name) ? text : `${name}: ${text}`));
}

function option(name) {
  const made = element("option", "", name || "nothing");
  made.value = name;
  return made;
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** The cells of the table of facts: a heading, and then one cell for each name. */
function rows(names) {
  const sheets = names.map(sheet);
  const headings = [...new Set(sheets.flatMap((facts) => [...facts.keys()]))].sort((a, b) => order(a) - order(b));
  return headings.flatMap((heading) => [
    element("div", "heading", heading),
    ...sheets.map((facts) => facts.get(heading) ?? element("div", "", "–")),
  ]);
}

/** Every heading in the order of some card that has it: cards leave headings out, but never change their order. */
const headingOrder = (() => {
  const found = ["Formula"];
  for (const card of cards) {
    let place = 0;
    for (const term of findAll("dt", card)) {
      const at = found.indexOf(term.textContent);
      if (at < 0) found.splice(++place, 0, term.textContent);
      else place = at;
    }
  }
  return found;
})();

function order(heading) {
  return headingOrder.indexOf(heading);
}

function sheet(name) {
  const card = byName.get(name);
  const first = document.createElement("div");
  for (const selector of [".call", ".formula", ".card > p", ".notes"]) first.append(find(selector, card).cloneNode(true));
  const facts = new Map([["Formula", first]]);
  for (const term of findAll("dt", card)) {
    const cell = document.createElement("div");
    cell.append(...[...term.nextElementSibling.childNodes].map((node) => node.cloneNode(true)));
    facts.set(term.textContent, cell);
  }
  return facts;
}

function step(by) {
  const names = shown();
  const row = (visible().length ? visible() : cards).map((card) => card.dataset.name);
  show([row[(row.indexOf(names[0]) + by + row.length) % row.length], ...names.slice(1, 2)].filter(unique));
}

function unique(name, index, all) {
  return all.indexOf(name) === index;
}

function close() {
  dialog.close();
}

find("#close").addEventListener("click", close);
find("#previous").addEventListener("click", () => step(-1));
find("#next").addEventListener("click", () => step(1));
other.addEventListener("change", () => show([shown()[0], other.value].filter(Boolean)));
dialog.addEventListener("click", (event) => event.target === dialog && close());
dialog.addEventListener("close", () => location.hash && history.replaceState(null, "", "#"));
window.addEventListener("hashchange", open);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
  if (dialog.open && event.key === "ArrowLeft") step(-1);
  if (dialog.open && event.key === "ArrowRight") step(1);
  if (!dialog.open && event.key === "/") {
    event.preventDefault();
    search.focus();
  }
});

// --- the plot: curves of the cards' sketches, in a plane that holds them all ------------------------------

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 34, right: 10, top: 10, bottom: 24 };

function drawing(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function draw(names) {
  const sketches = names.map((name) => find(".sketch", byName.get(name))).filter(Boolean);
  const boxes = sketches.map((sketch) => find(".plane", sketch).viewBox.baseVal);
  find("#shown").hidden = boxes.length === 0;
  if (boxes.length === 0) {
    find("#plot").replaceChildren();
    return;
  }
  const x = [Math.min(...boxes.map((box) => box.x)), Math.max(...boxes.map((box) => box.x + box.width))];
  const y = [Math.min(...boxes.map((box) => box.y)), Math.max(...boxes.map((box) => box.y + box.height))];
  const width = Math.min(window.innerWidth, 960);
  const height = Math.max(240, Math.round(width * 0.42));
  const inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
  const place = (u, v) => [
    MARGIN.left + (inner.width * (u - x[0])) / (x[1] - x[0]),
    MARGIN.top + (inner.height * (v - y[0])) / (y[1] - y[0]),
  ];
  const plot = drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `curves of ${names.join(" and ")}` });
  plot.append(...grid(x, y, place));
  const plane = drawing("svg", {
    x: MARGIN.left, y: MARGIN.top, ...inner,
    viewBox: `${x[0]} ${y[0]} ${x[1] - x[0]} ${y[1] - y[0]}`, preserveAspectRatio: "none",
  });
  plot.append(plane);
  sketches.forEach((sketch, index) => {
    const className = names.length > 1 ? `of-${index + 1}` : "";
    const curves = drawing("g", { class: className });
    curves.append(...findAll(".plane path", sketch).filter(isChosen).map((path) => path.cloneNode()));
    plane.append(curves);
    const dots = drawing("g", { class: className });
    for (const dot of findAll("circle", sketch).filter(isChosen)) {
      const moved = dot.cloneNode();
      const [cx, cy] = place(Number(dot.dataset.x), -Number(dot.dataset.y));
      moved.setAttribute("cx", cx);
      moved.setAttribute("cy", cy);
      moved.setAttribute("r", 3.5);
      dots.append(moved);
    }
    plot.append(dots);
  });
  find("#plot").replaceChildren(plot);
}

function isChosen(node) {
  const kind = node.classList[0].replace(/-2$/, "");
  return find(`#shown input[value="${kind}"]`).checked;
}

/** Lines at round numbers. Downwards is up in the plane's coordinates: -v is what a line is called. */
function* grid(x, y, place) {
  for (const u of ticks(x)) {
    yield line(u, place(u, y[0]), place(u, y[1]));
    yield label(u, place(u, y[1]), 0, 15, "middle");
  }
  for (const v of ticks(y)) {
    yield line(v, place(x[0], v), place(x[1], v));
    yield label(-v, place(x[0], v), -5, 4, "end");
  }
}

function ticks([low, high]) {
  const rough = (high - low) / 8;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find((each) => each * unit >= rough * (1 - 1e-9));
  const found = [];
  for (let index = Math.ceil(low / step); index * step <= high; index++) found.push(Number((index * step).toPrecision(6)));
  return found;
}

function line(value, [x1, y1], [x2, y2]) {
  return drawing("path", {
    class: value === 0 ? "axis" : "rule", stroke: "currentColor", "stroke-opacity": value === 0 ? 0.55 : 0.15,
    fill: "none", d: `M${x1},${y1}L${x2},${y2}`,
  });
}

function label(value, [x, y], right, down, anchor) {
  const made = drawing("text", { class: "tick", fill: "currentColor", "fill-opacity": 0.7, x: x + right, y: y + down, "text-anchor": anchor });
  made.textContent = String(value + 0).replace("-", "−");
  return made;
}

for (const box of findAll("#shown input")) box.addEventListener("change", () => draw(shown()));

filter();
open();
