"""Hierarchies: against closed forms, against a VAE, by level, and what they refuse."""

import keras
import linear_levels as truth
import numpy as np
import pytest
import tensorflow as tf
from laws import near_in_standard_errors
from model_cases import SIZE, data_for, ladder, levels_of_images, network
from scipy import stats

import keras_vae
from keras_vae import evaluation, layers, objectives, priors
from keras_vae.models.hierarchical import Bidirectional, Ladder, TopDown, TopDownPrior

EVERY_INFERENCE = pytest.mark.parametrize("inference", truth.INFERENCES)
# Levels that are vectors, and levels that are images, whose halves are halves of channels.
EVERY_KIND = pytest.mark.parametrize(
    "make, inference",
    [
        *((ladder, one) for one in truth.INFERENCES),
        (levels_of_images, "bidirectional"),
    ],
)


@EVERY_INFERENCE
@pytest.mark.parametrize("images", [False, True])
def test_with_the_true_posterior_every_log_weight_is_log_px(inference, images):
    x = truth.observations(20)
    trace = truth.model(inference, images=images).trace(x, num_samples=10, seed=1)
    expected = np.broadcast_to(truth.log_px(x), (10, 20))
    np.testing.assert_allclose(trace.log_weight, expected, atol=2e-3)


@pytest.mark.slow
@EVERY_INFERENCE
def test_bounds_are_in_order_below_log_px(inference):
    x = truth.observations(100)
    model = truth.model(inference, shift=0.3, stretch=1.4)
    bounds = [model.elbo(x, num_samples=200).mean()]
    bounds += [
        np.mean([-objectives.IWAE(k)(model.trace(x, k, seed)) for seed in range(20)])
        for k in (2, 10)
    ]
    estimate = model.log_likelihood(x, num_samples=3000)
    np.testing.assert_allclose(estimate, truth.log_px(x), atol=0.25)
    bounds.append(truth.log_px(x).mean())
    assert (np.diff(bounds) > 0.005).all()


@EVERY_INFERENCE
def test_rates_of_levels_are_those_of_closed_forms(inference):
    x = truth.observations(1)
    trace = truth.model(inference).trace(x, num_samples=20_000, seed=2)
    mean = truth.GAIN @ (x[0] - truth.MEAN_X) + truth.MEAN_Z
    of_both = 0.5 * (
        np.trace(np.linalg.solve(truth.COV_Z, truth.COV_POST))
        + (mean - truth.MEAN_Z) @ np.linalg.solve(truth.COV_Z, mean - truth.MEAN_Z)
        - len(mean)
        + np.linalg.slogdet(truth.COV_Z)[1]
        - np.linalg.slogdet(truth.COV_POST)[1]
    )
    near_in_standard_errors(trace.rate.numpy()[:, 0], of_both, slack=1e-4)
    if inference != "bidirectional":
        variance = truth.COV_POST[2, 2]
        of_top = 0.5 * (variance + mean[2] ** 2 - 1 - np.log(variance))
        np.testing.assert_allclose(trace.rates[1, :, 0], of_top, rtol=1e-3)


@pytest.mark.parametrize("inference", ["ladder", "top_down"])
def test_the_ratio_of_levels_is_that_of_closed_forms(inference):
    x = truth.observations(3)
    ratios = [
        truth.model(inference).level_ratios(x, num_samples=4000, seed=seed)
        for seed in range(4)
    ]
    mean = truth.GAIN @ (x - truth.MEAN_X).T + truth.MEAN_Z[:, np.newaxis]
    variance = truth.COV_POST[2, 2]
    rate = 0.5 * (variance + mean[2] ** 2 - 1 - np.log(variance))
    of_z1 = truth.A @ truth.A.T * variance + truth.S**2 * np.eye(2)
    center = (truth.W @ (truth.A @ mean[2:] + truth.C[:, np.newaxis])).T + truth.B
    log_px = stats.norm(center, truth.SIGMA).logpdf(x).sum(axis=1)
    log_px -= 0.5 * np.trace(truth.W @ of_z1 @ truth.W.T) / truth.SIGMA**2
    np.testing.assert_allclose(
        np.mean(ratios, axis=0), truth.log_px(x) - (log_px - rate), atol=0.1
    )
    scores = evaluation.anomaly_scores(
        truth.model(inference), x, "level_ratio", num_samples=5, seed=3
    )
    assert scores.shape == (3,)


def one_level():
    """A hierarchy of one level, and a VAE of the same networks."""
    keras.utils.set_random_seed(0)
    posterior = layers.IndependentNormal(3)
    encoder, decoder = network(posterior.params_size), network(SIZE)
    encoder.build((None, SIZE))
    inputs = keras.Input((3,))
    block = keras.Model(inputs, keras.layers.Dense(4, "tanh")(inputs))
    vae = keras_vae.VAE(
        encoder,
        keras.Sequential([block, decoder]),
        posterior,
        layers.IndependentBernoulli(SIZE),
        seed=0,
    )
    hierarchy = keras_vae.HierarchicalVAE(
        encoder,
        decoder,
        Ladder([3]),
        layers.IndependentBernoulli(SIZE),
        TopDownPrior([3], [block], []),
        seed=0,
    )
    return hierarchy, vae


def test_one_level_is_a_vae_draw_for_draw():
    hierarchy, vae = one_level()
    x = data_for(vae)
    ours, theirs = (one.trace(x, num_samples=3, seed=4) for one in (hierarchy, vae))
    for name in ("z", "log_q", "log_p", "log_px", "log_weight", "elbo"):
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-5, atol=1e-5
        )
    np.testing.assert_allclose(
        ours.rates, np.broadcast_to(theirs.rates, ours.rates.shape), rtol=1e-5
    )
    for ask in (
        lambda one: one.sample(5, seed=2),
        lambda one: one.reconstruct(x),
        lambda one: one.embed(x),
        lambda one: one.log_likelihood(x, num_samples=6),
    ):
        np.testing.assert_allclose(ask(hierarchy), ask(vae), rtol=1e-5, atol=1e-5)


@EVERY_KIND
def test_packed_densities_are_the_sums_of_those_of_levels(make, inference):
    model = make(inference)
    x, (small, large) = data_for(model), model.level_sizes[::-1]
    trace = model.trace(x, num_samples=2, seed=1)
    prior = model.prior
    low, high = prior.split(trace.z)
    assert low.shape == (2, len(x), large) and high.shape == (2, len(x), small)
    expected = stats.norm.logpdf(high).sum(axis=-1)
    state = prior.blocks[1](tf.reshape(high, (-1, small)))
    loc, scale = np.split(prior.heads[0](state).numpy(), 2, axis=-1)
    scale = np.log1p(np.exp(scale)) + 1e-5
    of_low = stats.norm(loc, scale).logpdf(np.reshape(low, (-1, large))).sum(axis=-1)
    expected += of_low.reshape(expected.shape)
    for log_p in (trace.log_p, trace.p.log_prob(trace.z)):
        np.testing.assert_allclose(log_p, expected, rtol=1e-4, atol=1e-4)
    # Another distribution object has no memory of the draw.
    np.testing.assert_allclose(
        model.encode(x).log_prob(trace.z), trace.log_q, rtol=1e-4, atol=1e-4
    )


@pytest.mark.thinned
@pytest.mark.parametrize(
    "make, inference, skips",
    [
        *((ladder, one, skips) for one in truth.INFERENCES for skips in (False, True)),
        (levels_of_images, "ladder", True),
        (levels_of_images, "top_down", False),
        (levels_of_images, "bidirectional", True),
    ],
)
def test_gradients_reach_every_weight_of_every_level(make, inference, skips):
    model = make(inference, skips=skips, normalization="batch")
    x = data_for(model)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(model.trace(x, training=True).elbo)
    weights = model.trainable_variables
    gradients = tape.gradient(loss, [one.value for one in weights])
    for weight, gradient in zip(weights, gradients, strict=True):
        assert gradient is not None and np.any(gradient), weight.path


@pytest.mark.slow
@pytest.mark.parametrize("inference", ["ladder", "bidirectional"])
def test_rates_of_levels_are_logged_and_reported(inference):
    model = ladder(inference)
    x = data_for(model, 40)
    model.compile("adam", objectives.ELBO(free_bits=0.1))
    logs = model.fit(x, validation_data=x, epochs=1, verbose=0).history
    for prefix in ("", "val_"):
        levels = [logs[f"{prefix}kl_loss_{i}"][0] for i in (1, 2)]
        np.testing.assert_allclose(sum(levels), logs[f"{prefix}kl_loss"][0], rtol=1e-4)
    report = evaluation.collapse_report(model, x)
    assert report["group_rate"].shape == (2,)


def test_free_bits_are_by_level():
    model = ladder()
    trace = model.trace(data_for(model), seed=1)
    rates = tf.reduce_mean(trace.rates, axis=1).numpy()
    free = float(np.median(rates))
    expected = np.mean(trace.distortion, axis=0) + np.maximum(rates, free).sum(axis=0)
    np.testing.assert_allclose(objectives.ELBO(free_bits=free)(trace), expected, rtol=1e-5)


@EVERY_KIND
def test_levels_are_shared_and_told(make, inference):
    model = make(inference)
    x = data_for(model)
    for levels in (2, -2):
        same = model.sample(4, levels=levels)
        np.testing.assert_array_equal(same, model.sample(4, levels=levels, draw=False))
        np.testing.assert_allclose(same, np.broadcast_to(same[:1], same.shape), rtol=1e-5)
    for levels in (1, -1):
        assert (np.ptp(model.sample(4, levels=levels), axis=0) > 1e-5).all()
    np.testing.assert_allclose(
        model.reconstruct(x, levels=2), model.reconstruct(x), rtol=1e-5
    )
    assert not np.allclose(model.reconstruct(x, levels=1), model.reconstruct(x))


def test_shared_highest_levels_are_the_same_variables(monkeypatch):
    model, seen = ladder(), []
    monkeypatch.setattr(model, "decode_codes", lambda z, y: seen.append(np.asarray(z)))
    model.sample(5, levels=1)
    low, high = model.split(seen[0])
    assert (high == high[:1]).all() and (np.ptp(low, axis=0) > 0.1).all()


def test_levels_are_shared_where_the_highest_depends_on_a_condition(monkeypatch):
    model, seen = ladder(prior="conditional", condition=3), []
    monkeypatch.setattr(model, "decode_codes", lambda z, y: seen.append(np.asarray(z)))
    y = [0, 1, 2, 0]
    p = model.prior.top.distribution(model._condition(y)).distribution
    for levels in (1, -1):
        model.sample(4, y=y, levels=levels)
        low, high = model.split(seen.pop())
        assert low.shape == (4, 4) and high.shape == (4, 2)
        noise = (high - p.loc) / p.scale
        # The noise of all is that of the first, or of none.
        if levels > 0:
            np.testing.assert_allclose(noise, noise[:1] + 0 * noise, rtol=1e-4)
        else:
            assert (np.ptp(noise, axis=0) > 0.1).all()
            assert np.abs(high[0] - high[3]).max() > 0.1
    assert np.ptp(p.loc, axis=0).max() > 0.01
    model.sample(4, y=[1] * 4, levels=2)
    np.testing.assert_allclose(seen[0], seen[0][:1] + 0 * seen[0], rtol=1e-4)


@EVERY_INFERENCE
def test_a_condition_of_the_highest_level_reaches_every_score(inference):
    model, y = ladder(inference, prior="conditional", condition=3), np.array([0, 1, 2, 0])
    x = data_for(model, 4)
    trace = model.trace(x, 5, seed=1, y=y)
    np.testing.assert_allclose(trace.log_p, model.log_prior(trace.z, y), rtol=1e-5)
    many = model.trace(x, 4000, seed=1, y=y)
    near_in_standard_errors((many.sampled_rate - many.rate).numpy(), 0.0)
    assert np.isfinite(model.log_likelihood(x, 8, y=y)).all()
    assert model.sample(3, y=1).shape == model.reconstruct(x[:3], y[:3], levels=1).shape


def test_a_draw_is_scored_without_walking_again(monkeypatch):
    model, walks = ladder(), []
    walk = TopDownPrior.walk

    def counted(self, *arguments, **options):
        walks.append(1)
        return walk(self, *arguments, **options)

    monkeypatch.setattr(TopDownPrior, "walk", counted)
    model.posterior._walk_down = model.prior.walk
    model.compile("adam")
    model.pass_for_training(data_for(model), None, 0, True)
    assert len(walks) == 1


def test_temperature_is_that_of_all_levels():
    model = ladder()
    for one in model.split(model.draw(200, seed=0, temperature=1e-4)):
        assert (np.std(one, axis=0) < 1e-2).all()


def dense(*shapes):
    """A network without activation, from the first shapes to the last."""
    inputs = [keras.Input((size,)) for size in shapes[:-1]]
    joined = keras.layers.Concatenate()(inputs) if inputs[1:] else inputs[0]
    outputs = keras.layers.Dense(shapes[-1])(joined)
    return keras.Model(inputs if inputs[1:] else inputs[0], outputs)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: keras_vae.LadderVAE(SIZE, ()), "latent_dims is \\(\\)"),
        (lambda: keras_vae.LadderVAE(SIZE, (4,)), "latent_dims is \\(4,\\)"),
        (lambda: keras_vae.LadderVAE(SIZE, (4, 0)), "latent_dims must be a positive"),
        (
            lambda: keras_vae.LadderVAE(SIZE, (4, 2), hidden_units=(5,)),
            "2 levels, but hidden_units has 1 numbers",
        ),
        (lambda: ladder("bidirectionl"), "Did you mean 'bidirectional'"),
        (lambda: ladder(normalization="bach"), "Did you mean 'batch'"),
        (lambda: ladder(posterior="normal"), "takes the argument inference"),
        (lambda: ladder(prior="vamp"), "uses the encoder"),
        (
            lambda: keras_vae.LadderVAE(SIZE, 4, hidden_units=5, inference="bidirectional"),
            "two levels or more",
        ),
        (
            lambda: keras_vae.LadderVAE(
                SIZE, (3, 2), hidden_units=(5, 4), inference="bidirectional"
            ),
            "even sizes",
        ),
        (lambda: Bidirectional([3, 2], [], [], []), "even sizes"),
        (lambda: TopDown([3, 2], []), "2 levels need 1 networks"),
        (lambda: TopDownPrior([3, 2], [dense(3, 4)], []), "2 levels need 2 blocks and 1"),
        (
            lambda: TopDownPrior([3, 2], [dense(4, 4), dense(2, 4)], [dense(4, 6)]),
            "block of level 1 reads",
        ),
        (
            lambda: TopDownPrior([3, 2], [dense(3, 4), dense(2, 4)], [dense(4, 3)]),
            "head of level 1 makes",
        ),
        (
            lambda: Ladder([3, 1]).connect(
                TopDownPrior([3, 2], [dense(3, 4), dense(2, 4)], [dense(4, 6)])
            ),
            "Make them equal",
        ),
        (lambda: Ladder([3]).distribution(tf.zeros([1, 6])), "part of a HierarchicalVAE"),
        (lambda: ladder().sample(2, levels=3), "model's 2 levels, but is 3"),
        (lambda: ladder().sample(2, levels=0), "2 levels, but is 0"),
        (lambda: ladder().sample(2, levels=True), "2 levels, but is True"),
        (
            lambda: ladder().sample(2, levels=1, temperature=0.5),
            "combined with temperature",
        ),
        (lambda: ladder().reconstruct(np.zeros((1, SIZE)), levels=-1), "positive"),
        (
            lambda: ladder().level_ratios(np.zeros((1, SIZE)), levels=2),
            "levels is 2, but this model has no more than 2",
        ),
        (
            lambda: keras_vae.LadderVAE.for_images((8, 8, 1)),
            "layers of a LadderVAE are dense.*HierarchicalVAE.for_images",
        ),
        (lambda: ladder().compile("adam", objectives.STL()), "STL"),
        (lambda: priors.get("top_down_prior"), "top_down_prior"),
        (lambda: layers.get("ladder", 3), "ladder"),
        (
            lambda: keras_vae.DenseVAE(SIZE, 2, hidden_units=(4,)).level_ratios(
                np.zeros((1, SIZE))
            ),
            "no levels of latent variables",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_other_parts_than_levelled_ones_are_refused():
    hierarchy, vae = one_level()
    parts = {name: getattr(hierarchy, name) for name in ("encoder", "decoder")}
    parts["likelihood"] = hierarchy.likelihood
    for other in ({"posterior": vae.posterior}, {"prior": vae.prior}):
        given = {"posterior": Ladder([3]), "prior": hierarchy.prior, **other}
        with pytest.raises(ValueError, match="of a HierarchicalVAE is"):
            keras_vae.HierarchicalVAE(**parts, **given)
