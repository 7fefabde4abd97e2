"""A linear-Gaussian hierarchy of two levels, of which everything has a closed form.

z2 from N(0, 1), z1 = A z2 + c + S noise, x = W z1 + b + SIGMA noise. The columns of W are
orthogonal, so that the elements of z1 are independent given x and z2.
"""

import keras
import numpy as np
from scipy import stats

import keras_vae
from keras_vae import layers
from keras_vae.models.hierarchical import Bidirectional, Ladder, TopDown, TopDownPrior

SIZE, LOW, HIGH = 5, 2, 1
SIGMA, S = 0.7, 0.6
INFERENCES = ("ladder", "top_down", "bidirectional")

rng = np.random.default_rng(3)
W = np.linalg.qr(rng.normal(size=(SIZE, LOW)))[0] * np.array([1.5, 0.8])
A, C, B = rng.normal(size=(LOW, HIGH)), rng.normal(size=LOW), rng.normal(size=SIZE)
# The joint of z = (z1, z2) and x.
COV_Z = np.block([[A @ A.T + S**2 * np.eye(LOW), A], [A.T, np.eye(HIGH)]])
MEAN_Z = np.concatenate([C, np.zeros(HIGH)])
READ = np.concatenate([W, np.zeros((SIZE, HIGH))], axis=1)
COV_X = READ @ COV_Z @ READ.T + SIGMA**2 * np.eye(SIZE)
MEAN_X = W @ C + B
# z given x: mean GAIN (x - MEAN_X) + MEAN_Z.
GAIN = COV_Z @ READ.T @ np.linalg.inv(COV_X)
COV_POST = COV_Z - GAIN @ READ @ COV_Z


def observations(n):
    x = np.random.default_rng(5).multivariate_normal(MEAN_X, COV_X, n)
    return x.astype("float32")


def log_px(x):
    return stats.multivariate_normal(MEAN_X, COV_X).logpdf(x)


def raw(scale):
    """What a normal layer makes a standard deviation of."""
    return np.log(np.expm1(np.asarray(scale) - 1e-5))


def linear(kernels, bias, images=(), gives_image=False):
    """A network without activation of several inputs, a kernel [in, out] for each.

    Inputs with the numbers `images`, and the output, may be images of one column.
    """
    shapes = [
        (len(one), 1, 1) if i in images else (len(one),) for i, one in enumerate(kernels)
    ]
    inputs = [keras.Input(shape) for shape in shapes]
    flat = [keras.layers.Flatten(data_format="channels_last")(one) for one in inputs]
    joined = keras.layers.Concatenate()(flat) if inputs[1:] else flat[0]
    dense = keras.layers.Dense(len(bias))
    outputs = dense(joined)
    if gives_image:
        outputs = keras.layers.Reshape((len(bias), 1, 1))(outputs)
    network = keras.Model(inputs if inputs[1:] else inputs[0], outputs)
    dense.set_weights([np.concatenate(kernels), np.asarray(bias)])
    return network


def given(wanted, known):
    """z[wanted] given x and z[known]: kernels of x and of z[known], bias, deviations."""
    rows, cols = np.ix_(wanted, known), np.ix_(known, known)
    gain = (
        COV_POST[rows] @ np.linalg.inv(COV_POST[cols])
        if known
        else np.zeros((len(wanted), 0))
    )
    of_x = GAIN[wanted] - gain @ GAIN[known]
    bias = MEAN_Z[wanted] - gain @ MEAN_Z[known] - of_x @ MEAN_X
    cov = COV_POST[np.ix_(wanted, wanted)] - gain @ COV_POST[np.ix_(known, wanted)]
    np.testing.assert_allclose(cov, np.diag(np.diag(cov)), atol=1e-9)
    return of_x.T, gain.T, bias, np.sqrt(np.diag(cov))


def head(kernels, bias, deviation, shift=0.0, stretch=1.0, images=()):
    """A network to means and scales, of kernels [in, D] of the means."""
    kernels = [np.concatenate([one, np.zeros_like(one)], axis=1) for one in kernels]
    both = np.concatenate([bias + shift, raw(stretch * deviation)])
    return linear(kernels, both, images)


def prior(images):
    identity = [np.eye(LOW), np.zeros((HIGH, LOW))]
    state, shapes = ((1,), [(LOW, 1, 1), (HIGH, 1, 1)]) if images else ((), None)
    low = linear(identity, np.zeros(LOW), state, images)
    high = linear([np.eye(HIGH)], np.zeros(HIGH), (), images)
    of_state = head([A.T], C, np.full(LOW, S), images=(0,) if images else ())
    return TopDownPrior([LOW, HIGH], [low, high], [of_state], shapes=shapes)


def model(inference, shift=0.0, stretch=1.0, images=False):
    """A model with the true posterior, or one whose normals are shifted and stretched.

    Its levels and states may be images.
    """
    change = {"shift": shift, "stretch": stretch}
    # What a network reads behind the encoder's features: states and summaries.
    behind = {**change, "images": (1, 2) if images else ()}
    z1, z2 = [0, 1], [2]
    x_of_2, _, bias, deviation = given(z2, [])
    top = head([x_of_2], bias, deviation, **change)
    eye = np.eye(SIZE)
    if inference == "bidirectional":
        first = head([given([0], [])[0]], *given([0], [])[2:], **change)
        up = linear([np.eye(1), np.zeros((SIZE, 1))], [0.0], (), images)
        of_x, of_z, *rest = given(z2, [0])
        below = [first, head([of_x, of_z], *rest, **behind)]
        of_x, of_z, *rest = given([1], [0, 2])
        second = head([of_x, of_z[1:], of_z[:1]], *rest, **behind)
        posterior = Bidirectional([LOW, HIGH], [second], below, [up])
        encoder = linear([np.concatenate([eye, eye], axis=1)], np.zeros(2 * SIZE))
    else:
        if inference == "ladder":
            # What x alone says of z1.
            norms = np.sum(W**2, axis=0)
            said = head([W / norms], -B @ W / norms, SIGMA / np.sqrt(norms), **change)
            posterior = Ladder([LOW, HIGH])
        else:
            of_x, of_z, *rest = given(z1, z2)
            said = linear([eye], np.zeros(SIZE))
            posterior = TopDown([LOW, HIGH], [head([of_x, of_z], *rest, **behind)])
        x = keras.Input((SIZE,))
        encoder = keras.Model(x, keras.layers.Concatenate()([said(x), top(x)]))
    likelihood = layers.IndependentNormal(SIZE, scale=SIGMA)
    decoder = linear([W.T], B, (0,) if images else ())
    return keras_vae.HierarchicalVAE(
        encoder, decoder, posterior, likelihood, prior(images), seed=0
    )
