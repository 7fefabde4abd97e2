"""Posterior x prior x likelihood x objective x everything asked of a model.

Each cell works, or is refused in words when the model is built or compiled. The full
product is too large to be run. The parts are in `matrix_cases.py`, a line each; a part that
fits where another one fits says so (`kin`):

- fast: a few cells with every part without kin; verdicts on posteriors without kin, with
  some of the priors and objectives in turn;
- slow: cells that hold every pair of parts without kin, every other part, and cells drawn
  by lot; verdicts on every posterior and objective, with priors and likelihoods in turn.

Five of eight slow cells run without `--every-case`.
"""

import itertools
import re

import keras
import laws
import numpy as np
import pytest
from laws import without_graphs
from matrix_cases import (
    AXES,
    CORE,
    KIN,
    LATENT,
    LAYERS,
    LIKELIHOODS,
    MADE_WITH,
    OBJECTIVES,
    POSTERIORS,
    PRIORS,
    Cell,
    build,
    by_lot,
    compiled,
    conditions,
    covering,
    every,
    everything,
    fit,
    game,
    observations,
    pairs_of,
    refusal,
    singles_of,
    some_cells,
)

import keras_vae
from keras_vae import layers, objectives, priors

OF_PARTS = [("posterior", "prior"), ("posterior", "objective"), ("prior", "objective")]
PAIRS, IMPOSSIBLE = covering(pairs_of(OF_PARTS, CORE), CORE)
FIRST, _ = covering(singles_of(CORE), CORE)
REPRESENTATIVES, NEVER = covering(singles_of(AXES))
# (Cells that the others of a list hold already are left out.)
MORE = [cell for cell in [*PAIRS, *by_lot(8)] if cell not in {*FIRST, *REPRESENTATIVES}]


def named(cell):
    """The cell's parts with their axes."""
    return list(zip(cell._fields, cell, strict=True))


def of(cells):
    return pytest.mark.parametrize("cell", cells, ids=[str(cell) for cell in cells])


def test_every_public_part_has_a_line():
    listed = {type(one.make((LATENT,))) for one in LAYERS.values()}
    bases = {
        layers.ChoiceLayer,
        layers.IndependentLayer,
        layers.PositiveLayer,
        layers.Quantizer,
        layers.RelaxedLayer,
        layers.StraightThroughLayer,
    }
    assert listed == laws.public_classes(layers, layers.DistributionLayer, bases)
    made = {type(priors.get(one.part)) for one in PRIORS.values() if one.part is not None}
    assert made == laws.public_classes(priors, priors.Prior)
    made = {type(objectives.get(one.part)) for one in OBJECTIVES.values()}
    assert made == laws.public_classes(objectives, objectives.Objective)


def test_the_cells_hold_every_pair_that_can_be():
    held = {(x, y) for cell in PAIRS for x in named(cell) for y in named(cell)}
    impossible = {tuple(sorted(pair)) for pair in IMPOSSIBLE}
    for first, second in OF_PARTS:
        for one, other in itertools.product(CORE[first], CORE[second]):
            pair = (first, one), (second, other)
            assert (pair in held) != (tuple(sorted(pair)) in impossible)
    # What a part with kin is kin to is crossed with the others.
    assert all(AXES[axis][name].kin in CORE[axis] for axis, name in KIN)
    # The parts that are for other models or data, and the point, which is no prior.
    assert sorted(next(iter(one)) for one in NEVER) == [
        ("likelihood", "deterministic"),
        ("likelihood", "finite_scalar_quantizer"),
        ("likelihood", "residual_quantizer"),
        ("likelihood", "vector_quantizer"),
        ("objective", "adversarial"),
        ("objective", "ms_ssim"),
        ("prior", "learned_point"),
    ]


def message_of(function, *arguments):
    """What a refusal says, or None; and what came out where there is none."""
    try:
        return None, function(*arguments)
    except ValueError as error:
        return str(error), None


def class_name(axis, name):
    """The name of a part's class, as messages say it."""
    if axis in ("posterior", "likelihood"):
        return type(LAYERS[name].make((LATENT,))).__name__
    room = {"prior": priors, "objective": objectives}[axis]
    part = AXES[axis][name].part
    return "prior" if part is None else type(room.get(part)).__name__


NAMES = {(axis, name): class_name(axis, name) for axis in AXES for name in AXES[axis]}


def check_words(message, cell):
    """A refusal says what was given, and what to do."""
    assert re.search(refusal(cell), message), message
    given = [NAMES[part] for part in named(cell)]
    assert any(name in message for name in given), message
    advice = r"(Use|use|Leave|Let|take|Take|Train|Bound|Give|Call) "
    assert re.search(advice, message) and message.endswith("."), message


def model_of(cell):
    """What the model of a cell is made of: all but the objective, and what that asks for."""
    return *cell[:3], sorted(MADE_WITH.get(cell.objective, {}))


def check_verdicts(cells):
    """Every cell is refused or not as the rule says; counts of both.

    Of the cells of one model all that are refused are tried, and one that works in turn:
    compiling is what takes the time, and it reads the objective and the posterior alone.
    """
    works = refused = 0
    cells = sorted(cells, key=model_of)
    for turn, (_, group) in enumerate(itertools.groupby(cells, model_of)):
        group = list(group)
        fitting = [cell for cell in group if refusal(cell) is None]
        # What is refused when it is built, is so with every objective.
        message, model = message_of(build, group[0])
        assert model is not None or not fitting, message
        if fitting:
            compiled(model, fitting[turn % len(fitting)])
        works += len(fitting)
        for cell in group:
            if refusal(cell) is not None:
                if model is not None:
                    message, _ = message_of(compiled, model, cell)
                assert message is not None, cell
                check_words(message, cell)
                refused += 1
    return works, refused


@pytest.mark.thinned
@pytest.mark.parametrize("posterior", CORE["posterior"])
def test_every_posterior_prior_and_objective_fit_or_are_refused(posterior):
    turn, likelihoods = list(POSTERIORS).index(posterior), list(LIKELIHOODS)
    cells = [
        Cell(posterior, prior, likelihoods[(i + turn) % len(likelihoods)], objective)
        for i, prior in enumerate(PRIORS)
        if (turn + i) % 2
        for objective in [*CORE["objective"], *every(4, OBJECTIVES, turn + i)]
    ]
    check_verdicts(cells)


@pytest.mark.slow
@pytest.mark.thinned
@pytest.mark.parametrize("posterior", POSTERIORS)
def test_some_cells_of_each_objective_fit_or_are_refused(posterior):
    cells = some_cells(posterior)
    works, refused = check_verdicts(cells)
    assert works + refused == len(cells)


def made(cell):
    """The model of a cell, its data, compiled to run eagerly."""
    keras.utils.set_random_seed(1)
    model = build(cell)
    x, y = observations(model.support), conditions(model)
    return compiled(model, cell, run_eagerly=True), x, y


@pytest.mark.slow
@pytest.mark.thinned
@of(MORE)
def test_cells_with_every_pair_and_some_by_lot_work(cell):
    with without_graphs():
        model, x, y = made(cell)
        fit(model, x, y)
        everything(model, x, y)


def answers_that_tell(model, x, y):
    """Those of `everything` that depend on every part of a model."""
    one = None if y is None else y[:2]
    answers = {
        "embed": model.embed(x, y),
        "reconstruct": model.reconstruct(x, y),
        "draw": model.sample(2, one, seed=3, draw=True),
    }
    if model.latent.has_density:
        answers["elbo"] = model.elbo(x, 2, y=y)
        answers["log_likelihood"] = model.log_likelihood(x, 5, y=y)
    return answers


def from_keras_file(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def from_preset(model, folder):
    model.save_to_preset(folder / "preset")
    return keras_vae.VAE.from_preset(folder / "preset")


@pytest.mark.thinned
@of(FIRST)
def test_every_part_works_and_comes_back(cell, tmp_path):
    works_and_comes_back(cell, tmp_path, from_keras_file, from_preset)


@pytest.mark.slow
@pytest.mark.thinned
@of([cell for cell in REPRESENTATIVES if cell not in FIRST])
def test_parts_with_kin_work_and_come_back(cell, tmp_path):
    works_and_comes_back(cell, tmp_path, from_preset)


def works_and_comes_back(cell, tmp_path, *ways):
    with without_graphs():
        model, x, y = made(cell)
        fit(model, x, y)
        expected = everything(model, x, y)
        for way in ways:
            again = way(model, tmp_path)
            for name, answer in answers_that_tell(again, x, y).items():
                np.testing.assert_allclose(answer, expected[name], rtol=1e-5, atol=1e-5)


# The VAE-GAN: its own wiring, with the same posteriors and priors.
GAMES = [Cell(name, "default", "normal", "adversarial") for name in CORE["posterior"]]
GAMES += [
    Cell("normal", name, "normal", "adversarial")
    for name, prior in PRIORS.items()
    if prior.condition is None and prior.kin is None
]
GAMES += [Cell("full_normal", "vamp", "normal", "elbo"), *GAMES[:0]]


@pytest.mark.thinned
@of(GAMES)
def test_games_fit_or_are_refused(cell):
    if refusal(cell, is_adversarial=True) is None:
        compiled(game(cell), cell)
        return
    with pytest.raises(ValueError, match=refusal(cell, is_adversarial=True)):
        compiled(game(cell), cell)


@pytest.mark.thinned
@of([cell for cell in GAMES if refusal(cell, is_adversarial=True) is None][::3])
def test_games_are_played(cell):
    with without_graphs():
        keras.utils.set_random_seed(1)
        model = compiled(game(cell), cell, run_eagerly=True)
        x = observations(model.support)
        logs = fit(model, x, None)
        assert ("feature_distance" in logs) == (cell.objective == "adversarial")
        everything(model, x, None)
