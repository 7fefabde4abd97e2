// The map of two latent numbers: embedded data, q as an ellipse and its draws, and z.

const COLOURS = [
  "#4e79a7", "#f28e2b", "#e15759", "#5fb3ae", "#59a14f",
  "#d4af2a", "#b07aa1", "#f786a0", "#9c755f", "#8a8f98",
];
const TILES = 14;
const map = { axes: [], points: null, label: 0, faint: new Set(), tiles: null, hasTiles: false };

function colourOf(label, row) {
  const value = label.values[row];
  if (value === null) return "#8a8f98";
  if (label.names) {
    const count = label.names.length;
    return count <= COLOURS.length ? COLOURS[value] : `hsl(${(360 * value) / count} 60% 55%)`;
  }
  return `hsl(${250 - 220 * value} 65% 55%)`;
}

const span = (index) => {
  const low = latents.low[index], high = latents.high[index], margin = (high - low) * 0.06;
  return [low - margin, high + margin];
};

// From a latent number to a share of the side, and back; y goes upwards.
const toShare = (axis, value) => {
  const [low, high] = span(map.axes[axis]), share = (value - low) / (high - low);
  return axis ? 1 - share : share;
};
const fromShare = (axis, share) => {
  const [low, high] = span(map.axes[axis]);
  return low + (axis ? 1 - share : share) * (high - low);
};

function drawMap() {
  const canvas = byId("map"), side = canvas.clientWidth, ratio = window.devicePixelRatio || 1;
  if (!side) return;
  canvas.width = canvas.height = Math.round(side * ratio);
  const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  context.scale(ratio, ratio);
  const place = (z) => [0, 1].map((axis) => toShare(axis, z[map.axes[axis]]) * side);
  const hasPictures = map.hasTiles && map.tiles;
  if (hasPictures) drawTiles(context, side);
  else {
    drawGrid(context, side, colour);
    drawPoints(context, side);
  }
  if (state.q) drawPosterior(context, place, colour(hasPictures ? "--mark" : "--ink"));
  const [x, y] = place(state.z);
  context.lineWidth = 2.5;
  for (const [radius, stroke] of [[8, colour("--card")], [6, colour("--mark")]]) {
    context.strokeStyle = stroke;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

function drawGrid(context, side, colour) {
  context.strokeStyle = colour("--line");
  context.fillStyle = colour("--soft");
  context.font = "11px system-ui, sans-serif";
  context.lineWidth = 1;
  for (const axis of [0, 1]) {
    const [low, high] = span(map.axes[axis]);
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100].find((s) => (high - low) / s <= 8) || high - low;
    for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
      const at = toShare(axis, value) * side;
      context.beginPath();
      context.moveTo(axis ? 0 : at, axis ? at : 0);
      context.lineTo(axis ? side : at, axis ? at : side);
      context.stroke();
      const text = String(+value.toFixed(2)).replace("-", "−");
      if (axis) context.fillText(text, 4, at - 3);
      else context.fillText(text, at + 3, side - 5);
    }
  }
}

function drawPoints(context, side) {
  if (!map.points) return;
  const count = content.map.axes.length, label = content.map.labels[map.label];
  const [first, second] = map.axes.map((index) => content.map.axes.indexOf(index));
  const size = content.map.count > 3000 ? 1.5 : 2.2;
  for (let row = 0; row < content.map.count; row++) {
    const isFaint = label && label.names && map.faint.has(label.values[row]);
    context.globalAlpha = isFaint ? 0.06 : 0.7;
    context.fillStyle = label ? colourOf(label, row) : COLOURS[0];
    context.beginPath();
    const x = toShare(0, map.points[row * count + first]);
    const y = toShare(1, map.points[row * count + second]);
    context.arc(x * side, y * side, size, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
}

// Mean and covariance of q on the two axes: in closed form, or from its draws.
function momentsOfPosterior({ mean, stddev, draws }) {
  const [i, j] = map.axes;
  if (mean) return { middle: mean, covariance: [stddev[i] ** 2, 0, stddev[j] ** 2] };
  const middle = {}, average = (f) => draws.reduce((sum, z) => sum + f(z), 0) / draws.length;
  for (const index of map.axes) middle[index] = average((z) => z[index]);
  const about = (a, b) => average((z) => (z[a] - middle[a]) * (z[b] - middle[b]));
  return { middle, covariance: [about(i, i), about(i, j), about(j, j)] };
}

function drawPosterior(context, place, ink) {
  const { q } = state;
  context.fillStyle = ink;
  for (const z of q.draws) {
    context.beginPath();
    context.arc(...place(z), 1.8, 0, 2 * Math.PI);
    context.fill();
  }
  if (!q.mean && q.draws.length < 3) return;
  const { middle, covariance: [a, b, c] } = momentsOfPosterior(q);
  // The Cholesky factor of the covariance maps a circle to the ellipse.
  const l11 = Math.sqrt(a), l21 = l11 ? b / l11 : 0, l22 = Math.sqrt(Math.max(c - l21 * l21, 0));
  context.strokeStyle = ink;
  context.lineWidth = 1.5;
  for (const radius of [1, 2]) {
    context.beginPath();
    for (let turn = 0; turn <= 64; turn++) {
      const u = radius * Math.cos((turn * Math.PI) / 32), v = radius * Math.sin((turn * Math.PI) / 32);
      const z = { [map.axes[0]]: middle[map.axes[0]] + l11 * u };
      z[map.axes[1]] = middle[map.axes[1]] + l21 * u + l22 * v;
      context.lineTo(...place(z));
    }
    context.stroke();
  }
}

// Pictures across the map, decoded a few at a time; the other numbers do not change.
let tilesAsked = 0;
function makeTiles() {
  const asked = ++tilesAsked, tiles = [], z = state.z.slice();
  const goOn = () => {
    const start = performance.now();
    while (tiles.length < TILES * TILES && performance.now() - start < 24) {
      const row = Math.floor(tiles.length / TILES), column = tiles.length % TILES;
      z[map.axes[0]] = fromShare(0, (column + 0.5) / TILES);
      z[map.axes[1]] = fromShare(1, (row + 0.5) / TILES);
      tiles.push(pixels(decode(z)));
    }
    if (asked !== tilesAsked) return;
    map.tiles = tiles;
    drawMap();
    if (tiles.length < TILES * TILES) setTimeout(goOn);
  };
  goOn();
}

function drawTiles(context, side) {
  const size = side / TILES;
  context.imageSmoothingEnabled = false;
  map.tiles.forEach((tile, i) =>
    context.drawImage(tile, (i % TILES) * size, Math.floor(i / TILES) * size, size + 0.5, size + 0.5));
}

function refreshTiles() {
  map.tiles = null;
  if (map.hasTiles) makeTiles();
}

function axisChoice(axis) {
  const select = element("select");
  const text = (index) => `z${index + 1}`;
  for (const index of content.map.axes)
    select.append(element("option", { value: index, textContent: text(index) }));
  select.value = map.axes[axis];
  select.addEventListener("change", () => {
    map.axes[axis] = +select.value;
    refreshTiles();
    drawMap();
  });
  return element("label", { className: "choice" }, axis ? "up" : "across", select);
}

function makeLegend() {
  const label = content.map.labels[map.label], legend = byId("legend");
  legend.replaceChildren();
  if (!label || !label.names || label.names.length > 24) return;
  label.names.forEach((name, k) => {
    const dot = element("i");
    dot.style.background = colourOf({ names: label.names, values: [k] }, 0);
    const chip = element("button", { type: "button" }, dot, name);
    chip.addEventListener("click", () => {
      if (map.faint.has(k)) map.faint.delete(k);
      else map.faint.add(k);
      chip.classList.toggle("faint");
      drawMap();
    });
    legend.append(chip);
  });
}

function makeMapChoices() {
  const choices = byId("map-choices");
  choices.append(axisChoice(0), axisChoice(1));
  if (content.map.labels.length > 1) {
    const select = element("select");
    content.map.labels.forEach(({ name }, i) =>
      select.append(element("option", { value: i, textContent: name })));
    select.addEventListener("change", () => {
      map.label = +select.value;
      map.faint.clear();
      makeLegend();
      drawMap();
    });
    choices.append(element("label", { className: "choice" }, "colour", select));
  }
  if (picture.kind !== "image") return;
  const box = element("input", { type: "checkbox" });
  box.addEventListener("change", () => {
    map.hasTiles = box.checked;
    refreshTiles();
    drawMap();
  });
  choices.append(element("label", { className: "choice" }, box, "pictures"));
}

function makeMap() {
  if (!content.map) return;
  byId("map-card").hidden = false;
  map.axes = content.map.axes.slice(0, 2);
  if (content.map.count) map.points = numbersFromBase64(content.map.points);
  byId("map-note").textContent = content.map.note;
  makeMapChoices();
  makeLegend();
  const canvas = byId("map");
  const follow = (event) => {
    const box = canvas.getBoundingClientRect();
    const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    map.axes.forEach((index, axis) => {
      const value = fromShare(axis, share[axis]);
      state.z[index] = Math.min(Math.max(value, latents.low[index]), latents.high[index]);
    });
    clearAttributes();
    changed();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    follow(event);
  });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });
  let later = 0;
  let others = "";
  views.push(() => {
    drawMap();
    const now = Array.from(state.z).map((x, i) => (map.axes.includes(i) ? 0 : x)) + `${state.y}`;
    if (!map.hasTiles || now === others) return;
    others = now;
    clearTimeout(later);
    later = setTimeout(refreshTiles, 250);
  });
  new ResizeObserver(drawMap).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMap);
}
