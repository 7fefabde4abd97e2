"""Posterior x prior x likelihood x objective x everything asked of a model.

Each cell works, or is refused in words when the model is built or compiled. The full
product is too large to be run. The parts are in `matrix_cases.py`, a line each; a part that
fits where another one fits says so (`kin`) and costs the fast tests nothing:

- fast: cells that hold every pair of parts without kin; verdicts on posteriors without
  kin, and a part of the objectives in turn;
- slow: each part with kin once, together with others of them; half of the cells that hold
  every pair of posterior, prior and objective; verdicts on every posterior, prior and
  objective with every twentieth likelihood, others for each;
- slow, in `test_matrix_of_likelihoods.py`: half of those that hold each likelihood with
  every part without kin. (The other halves have no room in the time of CI.)
"""

import itertools
import re

import keras
import laws
import numpy as np
import pytest
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
    N,
    build,
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
    some_cells,
    without_graphs,
)

import keras_vae
from keras_vae import layers, objectives, priors

OF_PARTS = [("posterior", "prior"), ("posterior", "objective"), ("prior", "objective")]
OF_LIKELIHOODS = [(axis, "likelihood") for axis in ("posterior", "prior", "objective")]
PAIRS, IMPOSSIBLE = covering(pairs_of(OF_PARTS))
FIRST_PAIRS, _ = covering(pairs_of(OF_PARTS, CORE), CORE)
WITH_KIN, WITHOUT_CELL = covering([frozenset([part]) for part in sorted(KIN)])
# Of likelihoods every one with every part without kin.
SOME = {**CORE, "likelihood": LIKELIHOODS}
MORE_PAIRS, MORE_IMPOSSIBLE = covering(pairs_of(OF_LIKELIHOODS, SOME), SOME)


def representatives(axes, given):
    """Few cells of those given, with every part that works anywhere in one of them."""
    missing = {(axis, name) for axis, parts in axes.items() for name in parts}
    cells = []
    while True:
        best = max(given, key=lambda cell: len(missing & set(named(cell))))
        if not missing & set(named(best)):
            return cells, missing
        cells.append(best)
        missing -= set(named(best))


def named(cell):
    """The cell's parts with their axes."""
    return list(zip(cell._fields, cell, strict=True))


REPRESENTATIVES, NEVER = representatives(AXES, [*PAIRS, *MORE_PAIRS])
FIRST_REPRESENTATIVES, _ = representatives(CORE, FIRST_PAIRS)


def of(cells):
    return pytest.mark.parametrize("cell", cells, ids=[str(cell) for cell in cells])


def test_every_public_part_has_a_line():
    listed = {type(one.make((LATENT,))) for one in LAYERS.values()}
    bases = {layers.IndependentLayer, layers.PositiveLayer, layers.Quantizer}
    assert listed == laws.public_classes(layers, layers.DistributionLayer, bases)
    made = {type(priors.get(one.part)) for one in PRIORS.values() if one.part is not None}
    assert made == laws.public_classes(priors, priors.Prior)
    made = {type(objectives.get(one.part)) for one in OBJECTIVES.values()}
    assert made == laws.public_classes(objectives, objectives.Objective)


def test_the_cells_hold_every_pair_that_can_be():
    for pairs, axes, cells, impossible in [
        (OF_PARTS, AXES, PAIRS, IMPOSSIBLE),
        (OF_LIKELIHOODS, SOME, MORE_PAIRS, MORE_IMPOSSIBLE),
    ]:
        held = {(x, y) for cell in cells for x in named(cell) for y in named(cell)}
        impossible = {tuple(sorted(pair)) for pair in impossible}
        for first, second in pairs:
            for one in axes[first]:
                for other in axes[second]:
                    pair = (first, one), (second, other)
                    assert (pair in held) != (tuple(sorted(pair)) in impossible)
    # Each part with kin is run, and what it is kin to is crossed with the others.
    assert WITHOUT_CELL == []
    assert all(AXES[axis][name].kin in CORE[axis] for axis, name in KIN)
    # The parts that are for other models or data, and the point, which is no prior.
    assert sorted(NEVER) == [
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


@pytest.mark.parametrize("posterior", CORE["posterior"])
def test_every_posterior_prior_and_objective_fit_or_are_refused(posterior):
    turn, likelihoods = list(POSTERIORS).index(posterior), list(LIKELIHOODS)
    cells = [
        Cell(posterior, prior, likelihoods[(i + turn) % len(likelihoods)], objective)
        for i, prior in enumerate(PRIORS)
        for objective in [*CORE["objective"], *every(4, OBJECTIVES, turn + i)]
    ]
    check_verdicts(cells)


@pytest.mark.slow
@pytest.mark.parametrize("posterior", POSTERIORS)
def test_a_twentieth_of_all_cells_fits_or_is_refused(posterior, record_property):
    cells = some_cells(posterior)
    works, refused = check_verdicts(cells)
    record_property("works", works)
    record_property("refused", refused)
    assert works + refused == len(cells)


def made(cell):
    """The model of a cell, its data, compiled to run eagerly."""
    keras.utils.set_random_seed(1)
    model = build(cell)
    x, y = observations(model.support), conditions(model)
    return compiled(model, cell, run_eagerly=True), x, y


def runs(cell):
    with without_graphs():
        model, x, y = made(cell)
        fit(model, x, y)
        return everything(model, x, y)


@of(FIRST_PAIRS)
def test_pairs_of_posterior_prior_and_objective_work(cell):
    runs(cell)


@pytest.mark.slow
@of([*WITH_KIN, *[one for one in PAIRS if one not in {*FIRST_PAIRS, *WITH_KIN}][::2]])
def test_more_pairs_of_posterior_prior_and_objective_work(cell):
    runs(cell)


def answers_that_tell(model, x, y):
    """Answers that depend on every part of a model."""
    answers = [model.embed(x, y), model.reconstruct(x, y), model.sample(N, y, draw=True)]
    if model.latent.has_density:
        answers += [model.elbo(x, y=y), model.log_likelihood(x, 3, y=y)]
    return answers


def ways_back(model, folder):
    model.save(folder / "model.keras")
    yield keras.saving.load_model(folder / "model.keras")
    model.save_to_preset(folder / "preset")
    yield keras_vae.VAE.from_preset(folder / "preset")


@of(FIRST_REPRESENTATIVES)
def test_saved_models_give_equal_outputs(cell, tmp_path):
    gives_equal_outputs(cell, tmp_path)


@pytest.mark.slow
@of([cell for cell in REPRESENTATIVES if cell not in FIRST_REPRESENTATIVES])
def test_saved_models_of_every_part_give_equal_outputs(cell, tmp_path):
    gives_equal_outputs(cell, tmp_path)


def gives_equal_outputs(cell, tmp_path):
    with without_graphs():
        model, x, y = made(cell)
        fit(model, x, y)
        expected = answers_that_tell(model, x, y)
        for again in ways_back(model, tmp_path):
            for given, value in zip(answers_that_tell(again, x, y), expected, strict=True):
                np.testing.assert_allclose(given, value, rtol=1e-5, atol=1e-5)


# The VAE-GAN: its own wiring, with the same posteriors and priors.
GAMES = [Cell(name, "default", "normal", "adversarial") for name in CORE["posterior"]]
GAMES += [
    Cell("normal", name, "normal", "adversarial")
    for name, prior in PRIORS.items()
    if prior.condition is None and prior.kin is None
]
GAMES += [Cell("full_normal", "vamp", "normal", "elbo"), *GAMES[:0]]


@of(GAMES)
def test_games_fit_or_are_refused(cell):
    if refusal(cell, is_game=True) is None:
        compiled(game(cell), cell)
        return
    with pytest.raises(ValueError, match=refusal(cell, is_game=True)):
        compiled(game(cell), cell)


@of([cell for cell in GAMES if refusal(cell, is_game=True) is None][::3])
def test_games_are_played(cell):
    with without_graphs():
        keras.utils.set_random_seed(1)
        model = compiled(game(cell), cell, run_eagerly=True)
        x = observations(model.support)
        logs = fit(model, x, None)
        assert ("feature_distance" in logs) == (cell.objective == "adversarial")
        everything(model, x, None)
