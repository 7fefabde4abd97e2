// The page's state, the picture, the sliders and the condition. keras_vae.explore.page writes
// their contents into `content`.

const content = JSON.parse(document.getElementById("content").textContent);
const weights = numbersFromBase64(document.getElementById("weights").textContent.trim());
const { latents, picture } = content;
const FIRST_SLIDERS = 12;

const state = {
  z: Float32Array.from(latents.center),
  y: content.condition ? Float32Array.from(content.condition.start) : null,
  x: null, // the observation decoded from z
  q: null, // {z, mean, stddev, draws} of the drawing or chosen example
};
// Called after each change of z, y or q.
const views = [];

const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const written = (x) => (Math.abs(x) < 0.005 ? "0" : x.toFixed(2)).replace("-", "−");

function withCondition(inputs) {
  return state.y ? { ...inputs, y: state.y } : inputs;
}

function decode(z) {
  return run(content.programs.decode, weights, withCondition({ z })).mean;
}

function encode(x) {
  const q = run(content.programs.encode, weights, withCondition({ x }));
  const count = q.z.length, draws = [];
  for (let i = 0; q.draws && i < q.draws.length; i += count) draws.push(q.draws.slice(i, i + count));
  return { ...q, draws };
}

let isWaiting = false;
function changed() {
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => {
    isWaiting = false;
    update();
  });
}

function update() {
  state.x = decode(state.z);
  for (const view of views) view();
}

function moveTo(z, q = null) {
  state.z.set(z);
  state.q = q;
  clearAttributes();
  changed();
}

// Pictures: numbers in the model's units; `content` has the values of black and white.
function shade(value) {
  return Math.min(Math.max((value - picture.black) / (picture.white - picture.black), 0), 1);
}

function paint(canvas, x) {
  const { height, width, channels } = picture;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++)
      image.data[4 * i + c] = roundHalfToEven(255 * shade(x[i * channels + (channels === 3 ? c : 0)]));
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

const pixels = (x) => paint(element("canvas", { className: "pixels" }), x);

function rawRow(x) {
  return picture.columns.map((column, i) => x[i] * column.scale + column.offset);
}

function asText(value, column) {
  if (column.categories.length) {
    const place = Math.min(Math.max(Math.round(value), 0), column.categories.length - 1);
    return column.categories[place];
  }
  if (column.decimals !== null) return value.toFixed(column.decimals);
  return Math.abs(value) < 1e4 ? String(+value.toPrecision(4)) : value.toExponential(2);
}

function showRow(table, x) {
  const raw = rawRow(x);
  picture.columns.forEach((column, i) => {
    const [, value, bar] = table.rows[i].cells, spread = column.high - column.low || 1;
    value.textContent = asText(raw[i], column);
    const share = Math.min(Math.max((raw[i] - column.low) / spread, 0), 1);
    bar.firstChild.firstChild.style.width = `${100 * share}%`;
  });
}

function makePicture() {
  if (picture.kind === "image") {
    byId("picture-card").classList.add("image");
    const canvas = element("canvas", { className: "pixels", id: "pixels" });
    byId("picture").append(canvas);
    views.push(() => paint(canvas, state.x));
    return;
  }
  const table = element("table");
  for (const column of picture.columns) {
    const bar = element("span", { className: "bar" }, element("i"));
    table.insertRow().append(
      element("td", { textContent: column.name }), element("td"), element("td", {}, bar));
  }
  byId("picture").append(element("div", { className: "table-frame" }, table));
  views.push(() => showRow(table, state.x));
}

function slider(name, low, high, onInput) {
  const input = element("input", { type: "range", min: low, max: high, step: "any" });
  input.setAttribute("aria-label", name);
  input.addEventListener("input", () => onInput(+input.value));
  // "any" gives the mouse the finest steps; keys move by a hundredth of the range.
  input.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const moved = +input.value + (way * (high - low)) / 100;
    input.value = Math.min(Math.max(moved, low), high);
    onInput(+input.value);
  });
  return input;
}

function latentRow(index, most) {
  const low = latents.low[index], high = latents.high[index];
  const input = slider(`latent number ${index + 1}`, low, high, (value) => {
    state.z[index] = value;
    clearAttributes();
    changed();
  });
  input.id = `z${index + 1}`;
  const band = element("i"), output = element("output");
  const name = element("div", { className: "name", textContent: `z${index + 1}` });
  if (latents.said) {
    const share = (100 * Math.max(latents.said[index], 0)) / (most || 1);
    const bar = element("i");
    bar.style.width = `${share}%`;
    const text = `${latents.said[index].toFixed(2)} ${latents.unit}`;
    name.append(element("small", { textContent: text }), element("span", { className: "bar" }, bar));
  }
  const middle = element("div", {}, input, element("div", { className: "band" }, band));
  views.push(() => {
    input.value = state.z[index];
    output.textContent = written(state.z[index]);
    const { q } = state;
    band.hidden = !(q && q.mean);
    if (band.hidden) return;
    const at = (value) => Math.min(Math.max((value - low) / (high - low), 0), 1) * 100;
    const from = at(q.mean[index] - 2 * q.stddev[index]);
    band.style.left = `${from}%`;
    band.style.width = `${Math.max(at(q.mean[index] + 2 * q.stddev[index]) - from, 0.8)}%`;
  });
  return element("div", { className: "row" }, name, middle, output);
}

function makeSliders() {
  byId("order-note").textContent = latents.note;
  const most = latents.said && Math.max(...latents.said);
  latents.order.forEach((index, rank) => {
    const row = latentRow(index, most);
    row.hidden = rank >= FIRST_SLIDERS;
    byId("sliders").append(row);
  });
  const hidden = latents.order.length - FIRST_SLIDERS;
  const more = byId("more");
  more.hidden = hidden <= 0;
  more.textContent = `Show the other ${hidden}`;
  more.addEventListener("click", () => {
    for (const row of byId("sliders").children) row.hidden = false;
    more.hidden = true;
  });
}

function makeButtons() {
  const add = (text, title, act) => {
    const button = element("button", { type: "button", textContent: text, title });
    button.addEventListener("click", () => act(button));
    byId("buttons").append(button);
  };
  if (content.programs.prior)
    add("New draw", "Draw z from the prior", () =>
      moveTo(run(content.programs.prior, weights, withCondition({})).z));
  add("Centre", "Set z to the mean of the prior", () => moveTo(latents.center));
  add("Copy link", "Copy the address of this page with the current z", async (button) => {
    history.replaceState(null, "", asHash());
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
    } catch {
      button.textContent = "See the address bar";
    }
    setTimeout(() => { button.textContent = "Copy link"; }, 1500);
  });
}

// Attributes: directions that are added to z.
const attributeSliders = [];
function clearAttributes() {
  for (const one of attributeSliders) one.show(0);
}

function makeAttributes() {
  if (!content.attributes) return;
  byId("attributes-card").hidden = false;
  byId("attributes-note").textContent = content.attributes.note;
  for (const { name, vector } of content.attributes.vectors) {
    const one = { strength: 0 };
    const input = slider(name, -2, 2, (value) => {
      vector.forEach((step, i) => { state.z[i] += (value - one.strength) * step; });
      one.show(value);
      changed();
    });
    const output = element("output");
    one.show = (value) => {
      one.strength = value;
      input.value = value;
      output.textContent = written(value);
    };
    one.show(0);
    attributeSliders.push(one);
    const label = element("div", { className: "name", textContent: name });
    byId("attributes").append(element("div", { className: "row" }, label, input, output));
  }
}

// The condition: a class, or the labels in a vector; also a class within z.
function makeCondition() {
  const controls = content.condition ? content.condition.controls : [];
  for (const control of [...latents.classes, ...controls]) {
    const made = control.names ? classChoice(control) : numberChoice(control);
    byId("condition").append(made);
  }
}

function classChoice({ name, at, names, isVector, isCode, mayBeUnknown }) {
  const numbers = isCode ? state.z : state.y;
  const select = element("select");
  select.setAttribute("aria-label", name);
  if (mayBeUnknown) select.append(element("option", { value: -1, textContent: "unknown" }));
  names.forEach((text, i) => select.append(element("option", { value: i, textContent: text })));
  select.addEventListener("change", () => {
    const k = +select.value;
    if (isVector) for (let i = 0; i < names.length; i++) numbers[at + i] = +(i === k);
    else numbers[at] = k;
    changed();
  });
  views.push(() => {
    select.value = isVector ? numbers.slice(at, at + names.length).indexOf(1) : numbers[at];
  });
  return element("label", { className: "choice" }, name, select);
}

function numberChoice({ name, at, knownAt, low, high, shown }) {
  const output = element("output");
  const input = slider(name, low, high, (value) => {
    state.y[at] = value;
    if (knownAt !== null) state.y[knownAt] = 1;
    changed();
  });
  views.push(() => {
    input.value = state.y[at];
    const isKnown = knownAt === null || state.y[knownAt] === 1;
    const share = (state.y[at] - low) / (high - low);
    output.textContent = isKnown ? written(shown[0] + share * (shown[1] - shown[0])) : "unknown";
  });
  return element("label", { className: "choice" }, name, input, output);
}

// The address may hold z and y: #z=0.5,-1.2&y=3
function asHash() {
  const list = (numbers) => Array.from(numbers, (x) => +x.toPrecision(6)).join(",");
  return `#z=${list(state.z)}` + (state.y ? `&y=${list(state.y)}` : "");
}

function readHash() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of ["z", "y"]) {
    if (!given.has(name)) continue;
    const numbers = given.get(name).split(",").map(Number);
    if (state[name] && numbers.length === state[name].length && numbers.every(Number.isFinite))
      state[name].set(numbers);
  }
}

function makeTexts() {
  document.title = content.title;
  byId("title").textContent = content.title;
  byId("facts").textContent = content.facts;
  for (const line of content.notes) byId("footer").append(element("p", { textContent: line }));
}
