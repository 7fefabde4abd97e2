"""From a TensorFlow function to a program: steps and weights for the page's JavaScript."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from keras_vae.explore import operations
from keras_vae.explore.operations import as_runs, moved, step_settings


class NotOnAPage(ValueError):
    """A function needs an operation that the page has not."""


class Weights:
    """The numbers of all programs of a page, each array once.

    Example:
        >>> weights = Weights()
        >>> weights.place(np.ones(3)), weights.place(np.ones(3)), weights.place(np.ones(1))
        (0, 0, 3)
    """

    def __init__(self):
        """Starts empty."""
        self._arrays: list[np.ndarray] = []
        self._places: dict[bytes, int] = {}
        self._size = 0

    def place(self, array) -> int:
        """Puts an array in, if it is not there yet.

        Args:
            array: Numbers of any shape and dtype.

        Returns:
            The place of its first number.
        """
        flat = np.ascontiguousarray(array, np.float32).ravel()
        key = hashlib.sha256(flat.tobytes()).digest()
        if key not in self._places:
            self._places[key] = self._size
            self._arrays.append(flat)
            self._size += flat.size
        return self._places[key]

    def text(self) -> str:
        """All numbers as base64 of little-endian float32."""
        whole = np.concatenate([np.zeros(0, np.float32), *self._arrays])
        return as_base64(whole)


def as_base64(array: np.ndarray) -> str:
    """Writes an array as base64 of little-endian float32."""
    return base64.b64encode(np.asarray(array, "<f4").tobytes()).decode("ascii")


def make_program(
    function: Callable[..., dict[str, tf.Tensor]],
    inputs: Sequence[tf.TensorSpec],
    weights: Weights,
) -> dict[str, Any]:
    """Writes a function as steps that the page's JavaScript runs.

    Args:
        function: Takes tensors, returns tensors by name.
        inputs: What it takes, with names and whole shapes.
        weights: Where its constants go.

    Returns:
        The program, plain values: `inputs` and `outputs` by name, `constants` and `steps`.

    Raises:
        NotOnAPage: If it needs an operation that the page has not; layer and operation are
            named.

    Example:
        >>> double = lambda x: {"y": 2.0 * x}
        >>> program = make_program(double, [tf.TensorSpec([3], name="x")], Weights())
        >>> [step["op"] for step in program["steps"]]
        ['Mul']
    """
    traced = tf.function(function, autograph=False).get_concrete_function(*inputs)
    given, outputs = _without_checks(traced)
    varying = _varying(_in_order(outputs))
    writing = _Writing(_constants(varying, outputs), weights)
    for spec, tensor in zip(inputs, given, strict=True):
        writing.add_input(spec, tensor)
    for op in varying.values():
        if op.type != "Placeholder":
            writing.add(op)
    names = sorted(traced.structured_outputs)
    return writing.program(dict(zip(names, map(writing.number, outputs), strict=True)))


def _without_checks(traced) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Inputs and outputs of a function's graph, its weights constant, no value checked."""
    frozen = convert_to_constants.convert_variables_to_constants_v2(traced)
    definition = frozen.graph.as_graph_def()
    for node in definition.node:
        data = [name for name in node.input if not name.startswith("^")]
        node.ClearField("input")
        node.input.extend(data)
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(definition, name="")
    inputs, outputs = (
        [graph.get_tensor_by_name(tensor.name) for tensor in tensors]
        for tensors in (frozen.inputs, frozen.outputs)
    )
    return inputs, outputs


def _varying(ops: list[tf.Operation]) -> dict[str, tf.Operation]:
    """Those operations, by name, that depend on an input or a draw."""
    found: dict[str, tf.Operation] = {}
    for op in ops:
        is_source = op.type == "Placeholder" or op.type in operations.DRAWS
        if is_source or any(tensor.op.name in found for tensor in op.inputs):
            found[op.name] = op
    return found


def _constants(
    varying: dict[str, tf.Operation], outputs: list[tf.Tensor]
) -> dict[str, np.ndarray]:
    """Values of the tensors that are read and do not vary, by name."""
    read = [tensor for op in varying.values() for tensor in _read_by(op)]
    wanted = {one.name: one for one in (*read, *outputs) if one.op.name not in varying}
    with tf.compat.v1.Session(graph=outputs[0].graph) as session:
        return session.run(wanted)


def _read_by(op: tf.Operation) -> list[tf.Tensor]:
    """What an operation computes with; of draws not their seeds."""
    return list(op.inputs[operations.DRAWS.get(op.type, slice(None))])


def _in_order(outputs) -> list[tf.Operation]:
    """The operations that outputs come from, each behind those that it reads."""
    done: dict[str, tf.Operation] = {}
    opened = set()
    waiting = [(tensor.op, False) for tensor in reversed(outputs)]
    while waiting:
        op, is_ready = waiting.pop()
        if op.name in done:
            continue
        if is_ready:
            done[op.name] = op
        elif op.name in opened:
            raise NotOnAPage(
                f"The operation {op.name!r} is part of a loop, which the page cannot compute."
            )
        else:
            opened.add(op.name)
            waiting.append((op, True))
            waiting += [(tensor.op, False) for tensor in _read_by(op)]
    return list(done.values())


class _Writing:
    """A program while it is written.

    A tensor is known by its number. What depends on no input and no draw is a constant,
    and computed here; the same step of the same inputs is written once.
    """

    def __init__(self, values: dict[str, np.ndarray], weights: Weights):
        self.values = values
        self.weights = weights
        self.numbers: dict[str, int] = {}
        self.inputs: list[dict[str, Any]] = []
        self.constants: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self.written: dict[str, list[int]] = {}
        self.count = 0

    def new_number(self) -> int:
        self.count += 1
        return self.count - 1

    def add_input(self, spec, tensor) -> None:
        number = self.numbers[tensor.name] = self.new_number()
        shape = list(spec.shape)
        self.inputs.append({"name": spec.name, "number": number, "shape": shape})

    def is_constant(self, tensor) -> bool:
        return tensor.name in self.values

    def value(self, tensor) -> np.ndarray:
        return self.values[tensor.name]

    def number(self, tensor) -> int:
        """The number of a tensor; a constant gets one when it is asked for."""
        if self.is_constant(tensor):
            return self.number_of_constant(self.value(tensor))
        return self.numbers[tensor.name]

    def number_of_constant(self, value) -> int:
        place, shape = self.weights.place(value), list(value.shape)
        key = f"{place} {shape}"
        if key not in self.written:
            self.written[key] = [self.new_number()]
            self.constants.append(
                {"number": self.written[key][0], "place": place, "shape": shape}
            )
        return self.written[key][0]

    def add(self, op) -> None:
        """Writes an operation."""
        reads = _read_by(op)
        shapes = [tensor.shape for tensor in (*reads, *op.outputs)]
        if not all(shape.is_fully_defined() for shape in shapes):
            self.refuse(op, "of a shape that depends on values")
        if op.type in operations.SAME:
            for made, given in zip(op.outputs, op.inputs, strict=True):
                # Others than those that are read may be constants.
                if given.name in self.numbers:
                    self.numbers[made.name] = self.numbers[given.name]
        elif op.type in operations.MOVES:
            self.add_moves(op)
        elif op.type in operations.REDUCTIONS | operations.SOFTMAX:
            self.add_reduction(op)
        elif op.type in ("MatMul", "BatchMatMulV2"):
            self.add_product(op)
        elif op.type == "OneHot":
            self.add_one_hot(op)
        elif (settings := step_settings(op)) is not None:
            given = reads[1:] if op.type == "Conv2DBackpropInput" else reads
            (tensor,) = op.outputs
            self.add_step(op.type, map(self.number, given), tensor, settings)
        else:
            self.refuse(op)

    def refuse(self, op, why: str = "") -> NoReturn:
        layer = op.name.rpartition("/")[0] or op.name
        raise NotOnAPage(
            f"The layer {layer!r} needs TensorFlow's operation {op.type} {why}".rstrip()
            + ", which the page cannot compute."
        )

    def step(self, kind, inputs, shape, settings=None) -> int:
        """Writes a step; returns the number of what comes out."""
        step = {"op": kind, "inputs": list(inputs), "shape": list(shape)}
        step |= settings or {}
        # Two draws are never the same.
        key = f"draw {self.count}" if kind in operations.DRAWS else str(step)
        if key not in self.written:
            self.written[key] = [self.new_number()]
            self.steps.append({**step, "number": self.written[key][0]})
        return self.written[key][0]

    def add_step(self, kind, inputs, tensor, settings=None) -> None:
        self.numbers[tensor.name] = self.step(kind, inputs, tensor.shape, settings)

    def add_moves(self, op) -> None:
        constant = {
            place: self.value(tensor)
            for place, tensor in enumerate(op.inputs)
            if self.is_constant(tensor)
        }
        places = moved(op, constant)
        if places is None:
            self.refuse(op, "with places that depend on values")
        holders = operations.MOVES[op.type]
        if holders is None:
            holders = tuple(range(len(op.inputs) - (op.type == "ConcatV2")))
        numbers = [self.number(op.inputs[place]) for place in holders]
        size = sum(math.prod(op.inputs[place].shape) for place in holders)
        for tensor, found in zip(op.outputs, places, strict=True):
            self.numbers[tensor.name] = self.pick(numbers, size, found)

    def pick(self, numbers, size, places) -> int:
        """Takes numbers from their places in inputs."""
        if len(numbers) == 1 and np.array_equal(places.ravel(), np.arange(size)):
            return self.step("Reshape", numbers, places.shape)
        return self.step("Pick", numbers, places.shape, {"runs": as_runs(places)})

    def add_reduction(self, op) -> None:
        tensor, rank = op.inputs[0], op.inputs[0].shape.rank
        axes = [rank - 1]
        if op.type not in operations.SOFTMAX:
            axes = sorted({int(axis) % rank for axis in np.ravel(self.value(op.inputs[1]))})
        settings = {"axes": axes}
        self.add_step(op.type, [self.number(tensor)], op.outputs[0], settings)

    def add_product(self, op) -> None:
        flags = (
            ("transpose_a", "transpose_b") if op.type == "MatMul" else ("adj_x", "adj_y")
        )
        factors = [
            self.matrix(tensor, op.get_attr(flag), op.outputs[0].shape[:-2])
            for tensor, flag in zip(op.inputs, flags, strict=True)
        ]
        self.add_step("MatMul", factors, op.outputs[0])

    def matrix(self, tensor, is_transposed, batch) -> int:
        """A factor as [*batch, rows, columns]."""
        if self.is_constant(tensor):
            value = self.value(tensor)
            value = np.swapaxes(value, -1, -2) if is_transposed else value
            return self.number_of_constant(
                np.broadcast_to(value, (*batch, *value.shape[-2:]))
            )
        places = np.arange(math.prod(tensor.shape)).reshape(tensor.shape)
        size, places = places.size, np.swapaxes(places, -1, -2) if is_transposed else places
        places = np.broadcast_to(places, (*batch, *places.shape[-2:]))
        return self.pick([self.number(tensor)], size, places)

    def add_one_hot(self, op) -> None:
        indices, depth, on, off = op.inputs
        if op.get_attr("axis") not in (-1, indices.shape.rank):
            self.refuse(op, "along an inner axis")
        settings = {
            "depth": int(self.value(depth)),
            "on": float(self.value(on)),
            "off": float(self.value(off)),
        }
        self.add_step("OneHot", [self.number(indices)], op.outputs[0], settings)

    def program(self, outputs: dict[str, int]) -> dict[str, Any]:
        """What was written, without the steps that nothing reads."""
        needed, steps = set(outputs.values()), []
        for step in reversed(self.steps):
            if step["number"] in needed:
                needed.update(step["inputs"])
                steps.append(step)
        return {
            "inputs": [one for one in self.inputs if one["number"] in needed],
            "constants": [one for one in self.constants if one["number"] in needed],
            "steps": steps[::-1],
            "outputs": outputs,
        }
