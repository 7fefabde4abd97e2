"use strict";
// Runs the programs that keras_vae.explore.programs writes. A tensor is {shape, data}; its
// numbers are a Float32Array in row-major order, and truth values are 0 and 1.

const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

function stridesOf(shape) {
  const strides = new Array(shape.length);
  let size = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = size;
    size *= shape[i];
  }
  return strides;
}

const roundHalfToEven = (x) => {
  const low = Math.floor(x), rest = x - low;
  return rest < 0.5 ? low : rest > 0.5 ? low + 1 : low % 2 ? low + 1 : low;
};

// The series near zero, or the continued fraction of the tail.
function erf(x) {
  const a = Math.abs(x);
  if (a < 2) {
    let term = a, sum = a;
    for (let n = 1; n < 40; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * sum;
  }
  let tail = a;
  for (let n = 40; n > 0; n--) tail = a + n / 2 / tail;
  return Math.sign(x) * (1 - Math.exp(-a * a) / tail / Math.sqrt(Math.PI));
}

const SELU_ALPHA = 1.6732632423543772, SELU_SCALE = 1.0507009873554805;

const UNARY = {
  Abs: Math.abs,
  Ceil: Math.ceil,
  Cos: Math.cos,
  Elu: (x) => (x < 0 ? Math.expm1(x) : x),
  Erf: erf,
  Exp: Math.exp,
  Expm1: Math.expm1,
  Floor: Math.floor,
  IsFinite: (x) => +Number.isFinite(x),
  IsInf: (x) => +(Math.abs(x) === Infinity),
  IsNan: (x) => +Number.isNaN(x),
  LeakyRelu: (x, { alpha }) => (x < 0 ? alpha * x : x),
  Log: Math.log,
  Log1p: Math.log1p,
  LogicalNot: (x) => +!x,
  Neg: (x) => -x,
  Reciprocal: (x) => 1 / x,
  Relu: (x) => (x < 0 ? 0 : x),
  Relu6: (x) => Math.min(Math.max(x, 0), 6),
  Round: roundHalfToEven,
  Rsqrt: (x) => 1 / Math.sqrt(x),
  Selu: (x) => SELU_SCALE * (x < 0 ? SELU_ALPHA * Math.expm1(x) : x),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Sign: Math.sign,
  Sin: Math.sin,
  Softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  Softsign: (x) => x / (1 + Math.abs(x)),
  Sqrt: Math.sqrt,
  Square: (x) => x * x,
  Tanh: Math.tanh,
  Cast: (x, { to }) => (to === "int" ? Math.trunc(x) : to === "bool" ? +(x !== 0) : x),
};

const BINARY = {
  Add: (a, b) => a + b,
  AddV2: (a, b) => a + b,
  BiasAdd: (a, b) => a + b,
  DivNoNan: (a, b) => (b === 0 ? 0 : a / b),
  Equal: (a, b) => +(a === b),
  FloorDiv: (a, b) => Math.floor(a / b),
  FloorMod: (a, b) => a - b * Math.floor(a / b),
  Greater: (a, b) => +(a > b),
  GreaterEqual: (a, b) => +(a >= b),
  Less: (a, b) => +(a < b),
  LessEqual: (a, b) => +(a <= b),
  LogicalAnd: (a, b) => +(a && b ? 1 : 0),
  LogicalOr: (a, b) => +(a || b ? 1 : 0),
  Maximum: Math.max,
  Minimum: Math.min,
  Mul: (a, b) => a * b,
  MulNoNan: (a, b) => (b === 0 ? 0 : a * b),
  NotEqual: (a, b) => +(a !== b),
  Pow: Math.pow,
  RealDiv: (a, b) => a / b,
  SquaredDifference: (a, b) => (a - b) * (a - b),
  Sub: (a, b) => a - b,
  Xdivy: (a, b) => (a === 0 ? 0 : a / b),
  Xlogy: (a, b) => (a === 0 ? 0 : a * Math.log(b)),
};

// Each reduction's initial value, its update and, for some, its final step.
const REDUCTIONS = {
  All: [1, (sum, x) => +(sum && x)],
  Any: [0, (sum, x) => +(sum || x)],
  Max: [-Infinity, Math.max],
  Mean: [0, (sum, x) => sum + x, (sum, count) => sum / count],
  Min: [Infinity, Math.min],
  Prod: [1, (sum, x) => sum * x],
  Sum: [0, (sum, x) => sum + x],
};

// Visits the elements of an outer shape in order. Each has its place in a tensor that is broadcast
// to this shape, or in one that lacks some axes (`strides` of 0).
function walk(shape, strides, visit) {
  const rank = shape.length, size = sizeOf(shape), at = new Array(rank).fill(0);
  for (let i = 0, place = 0; i < size; i++) {
    visit(i, place);
    for (let axis = rank - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++at[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      at[axis] = 0;
    }
  }
}

function broadcast(tensor, shape) {
  const size = sizeOf(shape);
  if (tensor.data.length === size) return tensor.data;
  const own = stridesOf(tensor.shape), lead = shape.length - tensor.shape.length;
  const strides = shape.map((_, axis) =>
    axis < lead || tensor.shape[axis - lead] === 1 ? 0 : own[axis - lead]);
  const data = new Float32Array(size);
  walk(shape, strides, (i, place) => { data[i] = tensor.data[place]; });
  return data;
}

function reduceAxes(tensor, axes, visit) {
  const kept = tensor.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const own = stridesOf(kept);
  const strides = own.map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  walk(tensor.shape, strides, (i, place) => visit(place, tensor.data[i]));
  return sizeOf(kept);
}

function reduction(step, tensor, data) {
  const [start, take, finish] = REDUCTIONS[step.op];
  const sums = new Float64Array(data.length).fill(start);
  reduceAxes(tensor, step.axes, (i, x) => { sums[i] = take(sums[i], x); });
  const count = tensor.data.length / data.length;
  for (let i = 0; i < data.length; i++) data[i] = finish ? finish(sums[i], count) : sums[i];
}

function best(step, tensor, data) {
  const sign = step.op === "ArgMax" ? 1 : -1;
  const found = new Float64Array(data.length).fill(-Infinity);
  const seen = new Int32Array(data.length);
  reduceAxes(tensor, step.axes, (i, x) => {
    if (sign * x > found[i]) {
      found[i] = sign * x;
      data[i] = seen[i];
    }
    seen[i]++;
  });
}

function softmax(step, { shape, data }, out) {
  const count = shape[shape.length - 1];
  for (let start = 0; start < data.length; start += count) {
    let most = -Infinity, sum = 0;
    for (let i = start; i < start + count; i++) most = Math.max(most, data[i]);
    for (let i = start; i < start + count; i++) sum += Math.exp(data[i] - most);
    for (let i = start; i < start + count; i++) {
      const log = data[i] - most - Math.log(sum);
      out[i] = step.op === "Softmax" ? Math.exp(log) : log;
    }
  }
}

function product(a, b, out) {
  const [m, k] = a.shape.slice(-2), n = b.shape[b.shape.length - 1];
  const row = new Float64Array(n);
  for (let batch = 0; batch < out.length / (m * n); batch++) {
    for (let i = 0; i < m; i++) {
      row.fill(0);
      for (let j = 0; j < k; j++) {
        const x = a.data[(batch * m + i) * k + j], from = (batch * k + j) * n;
        if (x !== 0) for (let l = 0; l < n; l++) row[l] += x * b.data[from + l];
      }
      out.set(row, (batch * m + i) * n);
    }
  }
}

// Visits all matching pixels of the large image, over which the strides go, of the small image
// and of the kernel.
function windows(step, whole, small, kernel, visit) {
  const [sy, sx] = step.strides, [dy, dx] = step.dilations || [1, 1];
  const [py, px] = step.before;
  for (let n = 0; n < whole[0]; n++)
    for (let y = 0; y < small[1]; y++)
      for (let x = 0; x < small[2]; x++)
        for (let ky = 0; ky < kernel[0]; ky++) {
          const wy = y * sy + ky * dy - py;
          if (wy < 0 || wy >= whole[1]) continue;
          for (let kx = 0; kx < kernel[1]; kx++) {
            const wx = x * sx + kx * dx - px;
            if (wx < 0 || wx >= whole[2]) continue;
            visit(
              (n * whole[1] + wy) * whole[2] + wx,
              (n * small[1] + y) * small[2] + x,
              ky * kernel[1] + kx);
          }
        }
}

function convolution(step, image, kernel, out) {
  const [ci, co] = kernel.shape.slice(2), sums = new Float64Array(out.length);
  windows(step, image.shape, step.shape, kernel.shape, (from, to, k) => {
    for (let c = 0; c < ci; c++) {
      const x = image.data[from * ci + c], row = (k * ci + c) * co;
      if (x !== 0) for (let o = 0; o < co; o++) sums[to * co + o] += x * kernel.data[row + o];
    }
  });
  out.set(sums);
}

function depthwiseConvolution(step, image, kernel, out) {
  const [ci, times] = kernel.shape.slice(2), sums = new Float64Array(out.length);
  windows(step, image.shape, step.shape, kernel.shape, (from, to, k) => {
    for (let c = 0; c < ci; c++)
      for (let m = 0; m < times; m++)
        sums[(to * ci + c) * times + m] +=
          image.data[from * ci + c] * kernel.data[(k * ci + c) * times + m];
  });
  out.set(sums);
}

function transposedConvolution(step, kernel, image, out) {
  const [co, ci] = kernel.shape.slice(2), sums = new Float64Array(out.length);
  windows(step, step.shape, image.shape, kernel.shape, (to, from, k) => {
    for (let o = 0; o < co; o++) {
      const row = (k * co + o) * ci;
      let sum = 0;
      for (let c = 0; c < ci; c++) sum += image.data[from * ci + c] * kernel.data[row + c];
      sums[to * co + o] += sum;
    }
  });
  out.set(sums);
}

function pooling(step, image, out) {
  const channels = image.shape[3], isMax = step.op === "MaxPool";
  const sums = new Float64Array(out.length).fill(isMax ? -Infinity : 0);
  const counts = new Float64Array(out.length);
  windows(step, image.shape, step.shape, step.sizes, (from, to) => {
    for (let c = 0; c < channels; c++) {
      const x = image.data[from * channels + c], i = to * channels + c;
      sums[i] = isMax ? Math.max(sums[i], x) : sums[i] + x;
      counts[i]++;
    }
  });
  for (let i = 0; i < out.length; i++) out[i] = isMax ? sums[i] : sums[i] / counts[i];
}

function pick(step, inputs, out) {
  let all = inputs[0].data;
  if (inputs.length > 1) {
    all = new Float32Array(inputs.reduce((sum, one) => sum + one.data.length, 0));
    let start = 0;
    for (const one of inputs) {
      all.set(one.data, start);
      start += one.data.length;
    }
  }
  let at = 0;
  for (let i = 0; i < step.runs.length; i += 3) {
    const [start, stride, count] = step.runs.slice(i, i + 3);
    // Negative places are padding with zeros.
    for (let j = 0; j < count; j++) out[at++] = start + j * stride < 0 ? 0 : all[start + j * stride];
  }
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

function drawnClasses(logits, out) {
  const classes = logits.shape[1], draws = out.length / logits.shape[0];
  const chances = new Float32Array(logits.data.length);
  softmax({ op: "Softmax" }, logits, chances);
  for (let i = 0; i < out.length; i++) {
    const row = Math.floor(i / draws) * classes;
    let left = Math.random(), k = 0;
    while (k < classes - 1 && (left -= chances[row + k]) > 0) k++;
    out[i] = k;
  }
}

const STEPS = {
  AddN: (step, inputs, out) => {
    for (const one of inputs) for (let i = 0; i < out.length; i++) out[i] += one.data[i];
  },
  ArgMax: (step, [a], out) => best(step, a, out),
  ArgMin: (step, [a], out) => best(step, a, out),
  AvgPool: (step, [a], out) => pooling(step, a, out),
  Conv2D: (step, [a, b], out) => convolution(step, a, b, out),
  Conv2DBackpropInput: (step, [a, b], out) => transposedConvolution(step, a, b, out),
  DepthwiseConv2dNative: (step, [a, b], out) => depthwiseConvolution(step, a, b, out),
  LogSoftmax: (step, [a], out) => softmax(step, a, out),
  MatMul: (step, [a, b], out) => product(a, b, out),
  MaxPool: (step, [a], out) => pooling(step, a, out),
  OneHot: (step, [a], out) => {
    out.fill(step.off);
    a.data.forEach((k, i) => { if (k >= 0 && k < step.depth) out[i * step.depth + k] = step.on; });
  },
  Pick: pick,
  Select: (step, [test, a, b], out) => {
    // A vector of tests has one for each row.
    const rest = out.length / test.data.length;
    for (let i = 0; i < out.length; i++)
      out[i] = test.data[Math.floor(i / rest)] ? a.data[i] : b.data[i];
  },
  SelectV2: (step, inputs, out) => {
    const [test, a, b] = inputs.map((one) => broadcast(one, step.shape));
    for (let i = 0; i < out.length; i++) out[i] = test[i] ? a[i] : b[i];
  },
  Softmax: (step, [a], out) => softmax(step, a, out),
  StatelessMultinomial: (step, [a], out) => drawnClasses(a, out),
  StatelessRandomNormalV2: (step, _, out) => { for (let i = 0; i < out.length; i++) out[i] = normal(); },
  StatelessRandomUniformIntV2: (step, [low, high], out) => {
    for (let i = 0; i < out.length; i++)
      out[i] = Math.floor(low.data[0] + Math.random() * (high.data[0] - low.data[0]));
  },
  StatelessRandomUniformV2: (step, _, out) => {
    for (let i = 0; i < out.length; i++) out[i] = Math.random();
  },
};
for (const op of Object.keys(REDUCTIONS)) STEPS[op] = (step, [a], out) => reduction(step, a, out);
for (const op of Object.keys(UNARY))
  STEPS[op] = (step, [a], out) => {
    const f = UNARY[op];
    for (let i = 0; i < out.length; i++) out[i] = f(a.data[i], step);
  };
for (const op of Object.keys(BINARY))
  STEPS[op] = (step, inputs, out) => {
    const f = BINARY[op], [a, b] = inputs.map((one) => broadcast(one, step.shape));
    for (let i = 0; i < out.length; i++) out[i] = f(a[i], b[i]);
  };

// Runs a program; inputs and outputs are arrays of numbers by name.
function run(program, weights, inputs) {
  const tensors = [];
  for (const { number, place, shape } of program.constants)
    tensors[number] = { shape, data: weights.subarray(place, place + sizeOf(shape)) };
  for (const { number, name, shape } of program.inputs)
    tensors[number] = { shape, data: Float32Array.from(inputs[name]) };
  for (const step of program.steps) {
    const given = step.inputs.map((number) => tensors[number]);
    if (step.op === "Reshape") {
      tensors[step.number] = { shape: step.shape, data: given[0].data };
      continue;
    }
    const data = new Float32Array(sizeOf(step.shape));
    STEPS[step.op](step, given, data);
    tensors[step.number] = { shape: step.shape, data };
  }
  return Object.fromEntries(
    Object.entries(program.outputs).map(([name, number]) => [name, tensors[number].data]));
}

function numbersFromBase64(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}
