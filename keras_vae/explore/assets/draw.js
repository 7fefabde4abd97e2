// Inputs to encode: a drawing, a picture of the user, or an example of the data.

const SHOWN_DRAWS = 6;
const pad = { canvas: null, context: null, scale: 1, ink: "#ffffff", paper: "#000000" };

function answerTo(x, label) {
  const q = encode(x);
  moveTo(q.z, q);
  const answer = byId("answer");
  answer.replaceChildren();
  if (picture.kind !== "image") return;
  const pair = element("div", { className: "pair" });
  for (const [text, image] of [[label, x], ["reconstruction", decode(q.z)]])
    pair.append(element("div", {}, element("p", { className: "small", textContent: text }), pixels(image)));
  answer.append(pair);
  if (q.draws.length) showDraws(answer, q);
}

function showDraws(answer, q) {
  const strip = element("div", { className: "strip" });
  const text = "alternatives, decoded from draws of q";
  answer.append(element("p", { className: "small", textContent: text }), strip);
  const goOn = () => {
    if (state.q !== q || strip.children.length >= SHOWN_DRAWS) return;
    strip.append(pixels(decode(q.draws[strip.children.length])));
    setTimeout(goOn);
  };
  setTimeout(goOn);
}

function clearPad() {
  pad.context.fillStyle = pad.paper;
  pad.context.fillRect(0, 0, pad.canvas.width, pad.canvas.height);
  if (byId("hint")) byId("hint").hidden = false;
}

// The drawing in the model's units: each pixel is the mean of its square on the pad.
function readPad() {
  const { height, width, channels } = picture, { scale } = pad;
  const bytes = pad.context.getImageData(0, 0, pad.canvas.width, pad.canvas.height).data;
  // Double precision, so that white does not exceed the model's white.
  const x = new Float64Array(height * width * channels);
  const count = scale * scale * 255;
  for (let row = 0; row < height * scale; row++)
    for (let column = 0; column < width * scale; column++) {
      const from = 4 * (row * width * scale + column);
      const to = (Math.floor(row / scale) * width + Math.floor(column / scale)) * channels;
      for (let c = 0; c < channels; c++) {
        const level = channels === 3 ? bytes[from + c]
          : (299 * bytes[from] + 587 * bytes[from + 1] + 114 * bytes[from + 2]) / 1000;
        x[to + c] += level / count;
      }
    }
  return Float32Array.from(x, (share) => picture.black + share * (picture.white - picture.black));
}

function makePad() {
  const { height, width } = picture;
  pad.scale = Math.max(1, Math.ceil(280 / Math.max(height, width)));
  pad.canvas = element("canvas", { id: "pad", width: width * pad.scale, height: height * pad.scale });
  pad.context = pad.canvas.getContext("2d", { willReadFrequently: true });
  pad.context.lineCap = pad.context.lineJoin = "round";
  [pad.paper, pad.ink] = picture.isDarkOnLight ? ["#ffffff", "#000000"] : ["#000000", "#ffffff"];
  clearPad();
  const side = Math.min(pad.canvas.width, pad.canvas.height);
  let last = null, isSlow = false;
  const point = ({ clientX, clientY }) => {
    const box = pad.canvas.getBoundingClientRect();
    const share = pad.canvas.width / box.width;
    return [(clientX - box.left) * share, (clientY - box.top) * share];
  };
  const stroke = (event) => {
    const next = point(event);
    pad.context.strokeStyle = pad.ink;
    pad.context.lineWidth = side * Math.max(0.08, 1.4 / Math.min(height, width));
    pad.context.beginPath();
    pad.context.moveTo(...last);
    pad.context.lineTo(...next);
    pad.context.stroke();
    last = next;
  };
  const answer = () => {
    byId("hint").hidden = true;
    const start = performance.now();
    answerTo(readPad(), "drawn");
    isSlow = performance.now() - start > 40;
  };
  pad.canvas.addEventListener("pointerdown", (event) => {
    pad.canvas.setPointerCapture(event.pointerId);
    last = point(event);
    stroke(event);
    answer();
  });
  pad.canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    stroke(event);
    if (!isSlow) answer();
  });
  for (const name of ["pointerup", "pointercancel"])
    pad.canvas.addEventListener(name, () => {
      if (last) answer();
      last = null;
    });
  return pad.canvas;
}

// The centre of a picture, which fills the pad.
function putOnPad(image) {
  const { width, height } = pad.canvas;
  const scale = Math.max(width / image.naturalWidth, height / image.naturalHeight);
  const [w, h] = [image.naturalWidth * scale, image.naturalHeight * scale];
  pad.context.imageSmoothingQuality = "high";
  pad.context.drawImage(image, (width - w) / 2, (height - h) / 2, w, h);
  byId("hint").hidden = true;
  answerTo(readPad(), "picture");
}

function openButton() {
  const input = element("input", { type: "file", accept: "image/*" });
  input.setAttribute("aria-label", "Open a picture");
  input.addEventListener("change", () => {
    const [file] = input.files;
    if (!file) return;
    const image = new Image();
    image.addEventListener("load", () => {
      putOnPad(image);
      URL.revokeObjectURL(image.src);
    });
    image.addEventListener("error", () => {
      byId("answer").textContent = `This browser cannot read ${file.name} as a picture.`;
    });
    image.src = URL.createObjectURL(file);
    input.value = "";
  });
  return element("label", { className: "button" }, "Open a picture", input);
}

function padButtons() {
  const clear = element("button", { type: "button", textContent: "Clear" });
  clear.addEventListener("click", () => {
    clearPad();
    byId("answer").replaceChildren();
    moveTo(latents.center);
  });
  const buttons = element("div", { className: "buttons" }, clear, openButton());
  if (picture.channels === 3) {
    const colour = element("input", { type: "color", value: pad.ink, title: "Ink" });
    colour.setAttribute("aria-label", "Ink");
    colour.addEventListener("input", () => { pad.ink = colour.value; });
    buttons.append(colour);
  } else {
    const swap = element("button", { type: "button", textContent: "Swap black and white" });
    swap.addEventListener("click", () => {
      [pad.ink, pad.paper] = [pad.paper, pad.ink];
      clearPad();
    });
    buttons.append(swap);
  }
  return buttons;
}

function makeExamples() {
  const { examples } = content;
  if (!examples) return;
  const all = numbersFromBase64(examples.x), size = all.length / examples.count;
  const strip = element("div", { className: "strip" });
  const text = picture.kind === "image" ? "or choose an example of the data" : examples.note;
  byId("examples").append(element("p", { className: "small", textContent: text }), strip);
  for (let i = 0; i < examples.count; i++) {
    const x = all.slice(i * size, (i + 1) * size), name = `example ${i + 1}`;
    const button = element("button", { type: "button", title: name });
    button.setAttribute("aria-label", name);
    if (picture.kind === "image") button.append(pixels(x));
    else {
      button.textContent = String(i + 1);
      button.className = "number";
    }
    button.addEventListener("click", () => {
      if (state.y) state.y.set(examples.y[i]);
      answerTo(x, name);
    });
    strip.append(button);
  }
}

function makeDrawing() {
  const isImage = picture.kind === "image";
  if (!content.programs.encode || !(isImage || content.examples)) return;
  byId("draw-card").hidden = false;
  byId("draw-title").textContent = isImage ? "Draw something" : "Start from an example";
  if (isImage) {
    const hint = element("span", { id: "hint", textContent: "draw here" });
    byId("drawing").append(makePad(), hint, padButtons());
  }
  makeExamples();
}

makeTexts();
makePicture();
makeCondition();
makeButtons();
makeSliders();
makeAttributes();
makeMap();
makeDrawing();
readHash();
window.addEventListener("hashchange", () => {
  readHash();
  changed();
});
update();
