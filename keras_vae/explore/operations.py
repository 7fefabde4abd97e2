"""TensorFlow's operations as steps that the page's JavaScript runs (`assets/run.js`)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

# One number in, one number out.
UNARY = frozenset(
    "Abs Ceil Cos Elu Erf Exp Expm1 Floor IsFinite IsInf IsNan LeakyRelu Log Log1p LogicalNot "
    "Neg Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid Sign Sin Softplus Softsign Sqrt Square "
    "Tanh".split()
)
# Two numbers in, one number out; shapes are broadcast.
BINARY = frozenset(
    "Add AddV2 DivNoNan Equal FloorDiv FloorMod Greater GreaterEqual Less LessEqual LogicalAnd "
    "LogicalOr Maximum Minimum Mul MulNoNan NotEqual Pow RealDiv SquaredDifference Sub Xdivy "
    "Xlogy".split()
)
# What goes through as it is.
SAME = frozenset(
    "CheckNumerics EnsureShape Identity IdentityN PreventGradient Snapshot StopGradient".split()
)
# What moves numbers about: which of the inputs hold them. The others say where to.
MOVES: dict[str, tuple[int, ...] | None] = {
    **dict.fromkeys(
        "BroadcastTo DepthToSpace ExpandDims GatherV2 MirrorPad Pad Reshape "
        "ResizeNearestNeighbor ReverseV2 Roll Slice SpaceToBatchND BatchToSpaceND "
        "SpaceToDepth SplitV Squeeze StridedSlice Tile Transpose Unpack".split(),
        (0,),
    ),
    "Split": (1,),
    "PadV2": (0, 2),
    "Pack": None,
    "ConcatV2": None,
}
# Along axes that are constant.
REDUCTIONS = frozenset("All Any ArgMax ArgMin Max Mean Min Prod Sum".split())
SOFTMAX = frozenset("LogSoftmax Softmax".split())
# The draws, and which of their inputs are no seeds: what comes out is up to the browser.
DRAWS = {
    "StatelessMultinomial": slice(0, 1),
    "StatelessRandomNormalV2": slice(0),
    "StatelessRandomUniformIntV2": slice(4, 6),
    "StatelessRandomUniformV2": slice(0),
}


def step_settings(op: tf.Operation) -> dict[str, Any] | None:
    """Returns the settings of an operation that a step needs beside its inputs.

    Args:
        op: The operation, of one example and with shapes that are known.

    Returns:
        Settings of the step, plain values; None where the page has no such step.
    """
    kind = op.type
    if kind == "LeakyRelu":
        return {"alpha": op.get_attr("alpha")}
    if kind == "Cast":
        return {"to": _kind_of(op.get_attr("DstT"))}
    if kind in UNARY | BINARY | set(DRAWS) | {"AddN", "BiasAdd", "Select", "SelectV2"}:
        return {} if _is_channels_last(op) else None
    if kind in ("Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput"):
        return _convolution(op) if _is_channels_last(op) else None
    if kind in ("MaxPool", "AvgPool"):
        return _pooling(op) if _is_channels_last(op) else None
    return None


def _kind_of(dtype: tf.DType) -> str:
    return "bool" if dtype.is_bool else "int" if dtype.is_integer else "float"


def _is_channels_last(op) -> bool:
    return "data_format" not in op.node_def.attr or op.get_attr("data_format") in (
        b"NHWC",
        "NHWC",
    )


def _convolution(op):
    kernel = op.inputs[1].shape
    # The image that strides go over: of a transposed convolution the output.
    whole = op.outputs[0] if op.type == "Conv2DBackpropInput" else op.inputs[0]
    channels = kernel[2] if op.type != "Conv2D" else op.inputs[0].shape[-1]
    if kernel[2] != channels:
        return None
    strides, dilations = op.get_attr("strides")[1:3], op.get_attr("dilations")[1:3]
    before = [
        _pad_before(op, axis, whole.shape[1 + axis], kernel[axis], strides, dilations)
        for axis in (0, 1)
    ]
    return {"strides": strides, "dilations": dilations, "before": before}


def _pooling(op):
    sizes, strides = op.get_attr("ksize")[1:3], op.get_attr("strides")[1:3]
    shape = op.inputs[0].shape
    before = [
        _pad_before(op, axis, shape[1 + axis], sizes[axis], strides, (1, 1))
        for axis in (0, 1)
    ]
    return {"sizes": sizes, "strides": strides, "before": before}


def _pad_before(op, axis, size, kernel, strides, dilations) -> int:
    """Pixels of padding before the first one."""
    padding = op.get_attr("padding")
    if padding == b"VALID":
        return 0
    if padding == b"EXPLICIT":
        return int(op.get_attr("explicit_paddings")[2 * (1 + axis)])
    reach = dilations[axis] * (kernel - 1) + 1
    missing = (math.ceil(size / strides[axis]) - 1) * strides[axis] + reach - size
    return max(missing, 0) // 2


def moved(op: tf.Operation, constants: dict[int, np.ndarray]) -> list[np.ndarray] | None:
    """Finds where the numbers come from that an operation moves.

    TensorFlow says so itself: the operation is run on places instead of numbers.

    Args:
        op: The operation.
        constants: Values of the inputs that say where to, by their place.

    Returns:
        For each output int32 places [*shape] in the inputs that hold numbers, one after
        another; -1 is a zero. None where a constant is missing.
    """
    holders = MOVES[op.type]
    if holders is None:
        holders = tuple(range(len(op.inputs) - (op.type == "ConcatV2")))
    graph, start, names = tf.compat.v1.GraphDef(), 1, []
    for place, tensor in enumerate(op.inputs):
        if place in holders:
            size = math.prod(tensor.shape)
            value = np.arange(start, start + size, dtype=np.int32).reshape(tensor.shape)
            start += size
        elif place in constants:
            value = constants[place]
        else:
            return None
        node = graph.node.add(op="Const", name=f"input_{place}")
        node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        names.append(node.name)
    node = graph.node.add()
    node.CopyFrom(op.node_def)
    node.name, node.device = "moved", ""
    node.ClearField("input")
    node.input.extend(names)
    for name in ("T", "Tparams"):
        if name in node.attr:
            node.attr[name].type = tf.int32.as_datatype_enum
    with tf.Graph().as_default() as alone:
        (found,) = tf.graph_util.import_graph_def(graph, return_elements=["moved"], name="")
    with tf.compat.v1.Session(graph=alone) as session:
        return [one - 1 for one in session.run(found.outputs)]


def as_runs(places: np.ndarray) -> list[int]:
    """Writes places in short: as runs of equal steps.

    Args:
        places: Whole numbers of any shape.

    Returns:
        Start, step and count of each run, one after another.

    Example:
        >>> as_runs(np.array([4, 5, 6, 0, 0]))
        [4, 1, 3, 0, 0, 2]
    """
    flat = places.ravel().tolist()
    runs, first = [], 0
    while first < len(flat):
        step = flat[first + 1] - flat[first] if first + 1 < len(flat) else 1
        last = first
        while last + 1 < len(flat) and flat[last + 1] - flat[last] == step:
            last += 1
        if last == first + 1 and last + 1 < len(flat):
            # Two are no run: the second may begin a longer one.
            last = first
        runs += [flat[first], step, last - first + 1]
        first = last + 1
    return runs
