"""MIG, DCI and SAP at their limits: perfect, useless, duplicated and mixed codes."""

import numpy as np
import pytest
from scipy import stats

from keras_vae.evaluation import dci, mig, sap

RNG = np.random.default_rng(0)
N = 1500
# Three factors of 4, 3 and 2 values.
FACTORS = np.stack([RNG.integers(0, k, N) for k in (4, 3, 2)], axis=1)
# Codes that say nothing, so that a perfect code has a second best.
NOISE = RNG.normal(size=(N, 2))
PERFECT = np.concatenate([FACTORS + 0.01 * RNG.normal(size=FACTORS.shape), NOISE], axis=1)
USELESS = RNG.normal(size=(N, 4))
DUPLICATED = np.concatenate([PERFECT[:, :3], PERFECT[:, :3], NOISE], axis=1)
ROTATION = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
MIXED = np.concatenate([(PERFECT[:, :3] - [1.5, 1, 0.5]) @ ROTATION, NOISE], axis=1)

SCORES = {
    "mig": mig,
    "sap correlation": lambda c, f: sap(c, f, method="correlation"),
    "disentanglement": lambda c, f: dci(c, f, "random_forest")["disentanglement"],
    "completeness": lambda c, f: dci(c, f, "random_forest")["completeness"],
}


@pytest.fixture(params=SCORES)
def score(request):
    return SCORES[request.param]


def test_a_perfect_code_scores_nearly_one(score):
    assert score(PERFECT, FACTORS) > 0.97
    assert score(PERFECT, FACTORS) <= 1.0


def test_a_useless_code_scores_nearly_zero(score):
    # In 1,500 examples 57 degrees of freedom share about 57 / 3,000 nats by chance.
    assert 0.0 <= score(USELESS, FACTORS) < 0.06


def test_a_mixed_code_scores_between(score):
    assert 0.05 < score(MIXED, FACTORS) < 0.7


def test_two_codes_that_say_the_same_leave_no_gap():
    assert mig(DUPLICATED, FACTORS) == 0.0
    assert sap(DUPLICATED, FACTORS) == 0.0
    assert sap(DUPLICATED, FACTORS, method="correlation") == 0.0


def test_duplicates_are_disentangled_but_not_complete():
    noisy = np.concatenate(
        [FACTORS + 0.2 * RNG.normal(size=FACTORS.shape) for _ in range(2)], axis=1
    )
    found = dci(noisy, FACTORS, "random_forest")
    assert found["disentanglement"] > 0.9
    # Two of six codes for each factor: at best 1 - log 2 / log 6.
    assert found["completeness"] < 1 - np.log(2) / np.log(6) + 0.1


def test_order_and_scale_of_codes_do_not_matter(score):
    order = [4, 2, 0, 3, 1]
    # Powers of two, so that nothing is rounded.
    other = PERFECT[:, order] * [-4.0, 0.5, 2.0, 1.0, 8.0]
    expected = score(PERFECT, FACTORS)
    assert score(other, FACTORS) == pytest.approx(expected, abs=0.01)


def test_names_of_values_do_not_matter_to_mig_and_dci():
    renamed = np.array([7, 0, 3, 1])[FACTORS]
    assert mig(PERFECT, renamed) == pytest.approx(mig(PERFECT, FACTORS), abs=1e-12)
    assert dci(PERFECT, renamed, "random_forest")["informativeness"] > 0.99


def test_mig_is_that_of_entropies():
    codes = np.stack([FACTORS[:, 0] // 2, FACTORS[:, 1]], axis=1)

    def entropy(*columns):
        _, counts = np.unique(np.stack(columns), axis=1, return_counts=True)
        return stats.entropy(counts)

    gaps = []
    for factor in FACTORS.T:
        shared = sorted(entropy(factor) + entropy(c) - entropy(factor, c) for c in codes.T)
        gaps.append((shared[1] - shared[0]) / entropy(factor))
    assert mig(codes, FACTORS) == pytest.approx(np.mean(gaps), rel=1e-9)


def test_sap_by_machines():
    # Of two values one threshold tells all; of four it does not (see the docstring).
    two = FACTORS[:, 2:]
    assert sap(PERFECT, two) == pytest.approx(0.5, abs=0.06)
    assert sap(PERFECT, FACTORS[:, :1]) < 0.6
    assert sap(USELESS, FACTORS) < 0.05


def test_informativeness_is_accuracy():
    assert dci(PERFECT, FACTORS, "random_forest")["informativeness"] > 0.99
    chance = dci(USELESS, FACTORS, "random_forest")["informativeness"]
    assert chance == pytest.approx(np.mean([1 / 4, 1 / 3, 1 / 2]), abs=0.05)


def test_gradient_boosting_agrees_at_the_limits():
    found = dci(PERFECT[:300], FACTORS[:300])
    assert min(found.values()) > 0.97
    assert dci(USELESS[:300], FACTORS[:300])["disentanglement"] < 0.1


def test_codes_of_no_importance_at_all():
    found = dci(np.ones((90, 3)), FACTORS[:90], "random_forest")
    assert found["disentanglement"] == found["completeness"] == 0.0
    assert mig(np.ones((90, 3)), FACTORS[:90]) == 0.0
    assert sap(np.ones((90, 3)), FACTORS[:90], "correlation") == 0.0


def test_the_seed_decides_what_is_held_out():
    one, same, other = (dci(MIXED, FACTORS, "random_forest", s) for s in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(
    "codes, factors, message",
    [
        (PERFECT[:, :1], FACTORS, "D >= 2"),
        (PERFECT[:-1], FACTORS, "got shapes"),
        (PERFECT, FACTORS[:, 0], "got shapes"),
        (PERFECT, FACTORS + 0.5, "float64"),
        (PERFECT * np.nan, FACTORS, "NaN"),
        (PERFECT, FACTORS * [1, 0, 1], r"Factors \[1\] have one value"),
    ],
)
def test_refusals(codes, factors, message):
    for function in (mig, sap, dci):
        with pytest.raises(ValueError, match=message):
            function(codes, factors)


def test_unknown_variants():
    with pytest.raises(ValueError, match="SAP method"):
        sap(PERFECT, FACTORS, "tree")
    with pytest.raises(ValueError, match="kind of trees"):
        dci(PERFECT, FACTORS, "oak")
    with pytest.raises(ValueError, match="two factors"):
        dci(PERFECT, FACTORS[:, :1])
