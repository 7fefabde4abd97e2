"""Programs: every operation computes in JavaScript what TensorFlow computes."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from in_node import evaluate, needs_node, run_jobs

from keras_vae.explore import operations
from keras_vae.explore.programs import NotOnAPage, Weights, make_program

RNG = np.random.default_rng(0)
# Signs, zeros, halves, and what is large; and numbers that are positive.
X = np.array([[-2.5, -1.0, -0.3, 0.0], [0.5, 1.5, 2.5, 40.0]], np.float32)
P = np.abs(X) + np.float32(0.1)
IMAGE = RNG.normal(size=(1, 7, 6, 4)).astype(np.float32)
POSITIVE = {"Log", "Rsqrt", "Sqrt", "Reciprocal", "Pow", "Xlogy"}
TRUTHS = {"LogicalAnd", "LogicalOr", "LogicalNot", "All", "Any"}
KERNEL = RNG.normal(size=(3, 2, 4, 5)).astype(np.float32)


def raw(name, *tensors):
    """An operation of TensorFlow on its tensors, in order."""
    function = getattr(tf.raw_ops, name)
    names = [one for one in inspect.signature(function).parameters if one != "name"]
    return function(**dict(zip(names, tensors, strict=False)))


def elementwise(x, p):
    found = {}
    for name in operations.UNARY:
        given = p if name in POSITIVE else x > 0 if name in TRUTHS else x
        if name in ("IsNan", "IsInf", "IsFinite"):
            given = raw("Log", x)
        found[name] = raw(name, given)
    for name in operations.BINARY:
        # A row is broadcast along the second one.
        other = p[1] if name in POSITIVE else x[0]
        given = (
            (x > 0, x[0] > -1) if name in TRUTHS else (p if name in POSITIVE else x, other)
        )
        found[name] = raw(name, *given)
    return found


def reductions(x, p):
    found = {}
    for name in operations.REDUCTIONS:
        given = x > 0 if name in TRUTHS else x
        for axis in (0, 1) if name.startswith("Arg") else (0, 1, (0, 1)):
            found[f"{name} {axis}"] = raw(name, given, tf.constant(axis))
    return found | {name: raw(name, x) for name in operations.SOFTMAX}


def moves(x, p):
    first, second = tf.split(x, 2, axis=1)
    uneven = tf.split(x, [1, 3], axis=1)
    batch = tf.reshape(x, (1, 2, 4, 1))
    return {
        "BroadcastTo": tf.broadcast_to(x, (3, 2, 4)),
        "DepthToSpace": tf.nn.depth_to_space(tf.reshape(x, (1, 1, 2, 4)), 2),
        "ExpandDims": x[:, None] + tf.expand_dims(x, 0),
        "GatherV2": tf.gather(x, [2, 0, 2], axis=1),
        "MirrorPad": tf.pad(x, [[1, 0], [0, 2]], "REFLECT"),
        "Pad": tf.pad(x, [[1, 0], [0, 2]]),
        "PadV2": tf.pad(x, [[1, 0], [0, 2]], constant_values=7.0),
        "Reshape": tf.reshape(x, (4, 2)),
        "ResizeNearestNeighbor": tf.compat.v1.image.resize_nearest_neighbor(batch, (4, 8)),
        "ReverseV2": tf.reverse(x, [1]),
        "Roll": tf.roll(x, 3, 1),
        "Slice": tf.slice(x, [0, 1], [2, 2]),
        "SpaceToDepth": tf.nn.space_to_depth(batch, 2),
        "SpaceToBatchND": tf.space_to_batch(batch, [2, 2], [[0, 0], [0, 0]]),
        "BatchToSpaceND": tf.batch_to_space(tf.reshape(x, (4, 1, 2, 1)), [2, 2], [[0, 0], [0, 0]]),
        "Split": first - second,
        "SplitV": uneven[1],
        "Squeeze": tf.squeeze(batch),
        "StridedSlice": x[::-1, 1::2],
        "Tile": tf.tile(x, (2, 3)),
        "Transpose": tf.transpose(x),
        "Unpack": tf.unstack(x, axis=1)[2],
        "Pack": tf.stack([x, p], axis=1),
        "ConcatV2": tf.concat([x, p, x], axis=1),
    }  # fmt: skip


def others(x, p):
    image, kernel = tf.constant(1.0) * IMAGE + x[0, 0], tf.constant(KERNEL)
    small = image[:, :3, :4]
    return {
        "AddN": tf.add_n([x, p, x]),
        "BiasAdd": tf.nn.bias_add(x, [1.0, 2.0, 3.0, 4.0]),
        "Cast int": tf.cast(x, tf.int32),
        "Cast bool": tf.cast(x, tf.bool),
        "Select": raw("Select", tf.constant([True, False]), x, p),
        "SelectV2": tf.where(x > 0.4, p, x[0]),
        "OneHot": tf.one_hot(tf.argmax(x, axis=1), 4, 2.0, -1.0),
        "MatMul": tf.matmul(x, p, transpose_a=True),
        "MatMul of a constant": tf.matmul(x, tf.constant(KERNEL[0, 0]), transpose_b=False),
        "BatchMatMulV2": tf.matmul(image, KERNEL[:1, :1].transpose(0, 1, 3, 2), transpose_b=True),
        "Conv2D": tf.nn.conv2d(image, kernel, 2, "SAME"),
        "Conv2D valid": tf.nn.conv2d(image, kernel, (1, 2), "VALID"),
        "Conv2D explicit": tf.nn.conv2d(image, kernel, 1, [[0, 0], [2, 1], [0, 1], [0, 0]]),
        "Conv2D dilated": tf.nn.conv2d(image, kernel, 1, "SAME", dilations=2),
        "DepthwiseConv2dNative": tf.nn.depthwise_conv2d(image, kernel, (1, 2, 2, 1), "SAME"),
        "Conv2DBackpropInput": tf.nn.conv2d_transpose(
            small, KERNEL.transpose(0, 1, 3, 2), (1, 5, 8, 5), 2, "SAME"
        ),
        "Conv2DBackpropInput valid": tf.nn.conv2d_transpose(
            small, KERNEL.transpose(0, 1, 3, 2), (1, 5, 5, 5), 1, "VALID"
        ),
        "MaxPool": tf.nn.max_pool2d(image, 3, 2, "SAME"),
        "AvgPool": tf.nn.avg_pool2d(image, 3, 2, "SAME"),
        "Same": tf.stop_gradient(tf.identity(x)),
        "Constant": tf.constant([1.0, 2.0]),
    }  # fmt: skip


GROUPS = {one.__name__: one for one in (elementwise, reductions, moves, others)}
SPECS = [tf.TensorSpec(X.shape, name="x"), tf.TensorSpec(P.shape, name="p")]


@pytest.fixture(scope="module")
def answers():
    """What TensorFlow says of each operation, and what the page's JavaScript says."""
    weights = Weights()
    jobs = [
        (make_program(group, SPECS, weights), {"x": X, "p": P}) for group in GROUPS.values()
    ]
    found = run_jobs(jobs, weights.text())
    wanted = (group(tf.constant(X), tf.constant(P)) for group in GROUPS.values())
    return {
        name: (np.asarray(value, np.float64), page[name])
        for group, page in zip(wanted, found, strict=True)
        for name, value in group.items()
    }


CASES = sorted(
    name for group in GROUPS.values() for name in group(tf.constant(X), tf.constant(P))
)


@needs_node
@pytest.mark.parametrize("name", CASES)
def test_the_page_computes_what_tensorflow_computes(answers, name):
    wanted, found = answers[name]
    np.testing.assert_allclose(found, wanted.ravel(), rtol=2e-6, atol=2e-6)


def test_no_operation_is_without_a_case():
    tested = {name.split()[0] for name in CASES}
    listed = operations.UNARY | operations.BINARY | operations.REDUCTIONS
    assert (listed | operations.SOFTMAX | set(operations.MOVES)) - tested == set()


@needs_node
def test_draws_have_the_distribution_that_they_should_have():
    n, logits = 4000, tf.math.log([[0.2, 0.0, 0.8]])

    def draws(x):
        seed = (1, 2)
        return {
            "normal": tf.random.stateless_normal((n,), seed),
            "uniform": tf.random.stateless_uniform((n,), seed),
            "again": tf.random.stateless_uniform((n,), seed),
            "whole": tf.random.stateless_uniform((n,), seed, 2, 5, tf.int32),
            "class": tf.random.stateless_categorical(logits, n, seed),
        }

    weights = Weights()
    program = make_program(draws, [tf.TensorSpec([1], name="x")], weights)
    (found,) = run_jobs([(program, {"x": [0]})], weights.text())
    # Five standard errors: a chance in a million for each.
    near = 5 / np.sqrt(n)
    assert abs(found["normal"].mean()) < near
    assert abs(found["normal"].var() - 1) < near * np.sqrt(2)
    assert abs(np.mean(found["normal"] ** 4) - 3) < near * np.sqrt(96)
    assert abs(found["uniform"].mean() - 0.5) < near * np.sqrt(1 / 12)
    assert 0 <= found["uniform"].min() and found["uniform"].max() < 1
    assert abs(np.corrcoef(found["uniform"], found["again"])[0, 1]) < near
    assert set(found["whole"]) == {2, 3, 4}
    assert abs(found["whole"].mean() - 3) < near * np.sqrt(2 / 3)
    shares = [np.mean(found["class"] == k) for k in range(3)]
    assert shares[1] == 0 and abs(shares[0] - 0.2) < near * 0.4


@pytest.mark.parametrize("op", ["MatrixInverse", "Cumsum"])
def test_what_the_page_has_not_is_refused_with_its_layer(op):
    layer = keras.layers.Lambda(
        tf.linalg.inv if op == "MatrixInverse" else tf.cumsum, name="strange_layer"
    )
    with pytest.raises(NotOnAPage, match=f"layer '.*strange_layer.*' needs .* {op}, which"):
        make_program(
            lambda x: {"y": layer(x)}, [tf.TensorSpec([3, 3], name="x")], Weights()
        )


@needs_node
def test_the_page_has_every_step_that_is_listed():
    steps = set(evaluate("process.stdout.write(JSON.stringify(Object.keys(STEPS)));"))
    listed = operations.UNARY | operations.BINARY | operations.REDUCTIONS
    assert listed | operations.SOFTMAX | set(operations.DRAWS) <= steps


@pytest.mark.parametrize(
    "places",
    [[], [3], [0, 0], [1, 2, 3, 9, 10, 11], [5, 1, 4, 4, 4, 0], [9, 7, 5, -1, -1]],
)
def test_runs_say_all_places(places):
    runs = operations.as_runs(np.array(places, int))
    triples = zip(*[iter(runs)] * 3, strict=True)
    said = [start + step * i for start, step, count in triples for i in range(count)]
    assert said == places


def test_what_is_computed_twice_is_written_once():
    def twice(x):
        return {"a": tf.exp(x) * 2.0, "b": tf.exp(x) * 2.0}

    program = make_program(twice, [tf.TensorSpec([2], name="x")], Weights())
    assert [one["op"] for one in program["steps"]] == ["Exp", "Mul"]
    assert program["outputs"]["a"] == program["outputs"]["b"]
