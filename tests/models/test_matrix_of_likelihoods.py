"""The matrix of `test_matrix`, with each likelihood.

A file of its own, so that another process runs it at the same time.
"""

import numpy as np
import pytest
from matrix_cases import without_graphs
from test_matrix import MORE_PAIRS, answers_that_tell, made, of


@pytest.mark.slow
@of(MORE_PAIRS[::2])
def test_pairs_with_a_likelihood_work(cell):
    with without_graphs():
        model, x, y = made(cell)
        logs = model.train_on_batch(x, y, return_dict=True)
        assert all(np.isfinite(value) for value in logs.values()), logs
        answers = answers_that_tell(model, x, y)
        assert all(np.isfinite(answer).all() for answer in answers)
