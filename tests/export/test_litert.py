"""For LiteRT, encode and decode give what they give in Keras."""

import numpy as np
import pytest
import tensorflow as tf
from served_models import CASES, make, requests

# What LiteRT has no operation for.
REFUSED = {"mixture prior, mixed objective", "mixed precision"}
SOME = ["VAE-GAN", "condition", "flow of counts, classes"]
OTHERS = [name for name in CASES if name not in REFUSED and name not in SOME]


@pytest.mark.parametrize(
    "name", [*SOME, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_the_interpreter_answers_as_keras_does(tmp_path, name):
    served = make(name)
    served.model.export(tmp_path / "1", format="litert")
    interpreter = tf.lite.Interpreter(str(tmp_path / "1" / "model.tflite"))
    for key in ("encode", "decode"):
        run = interpreter.get_signature_runner(key)
        for n in (1, 3):
            request = requests(served, n)[key]
            y = request.get("y")
            if key == "encode":
                x = request["x"]
                expected = {
                    **served.model.posterior_summary(x, y),
                    "z": served.model.codes(x, y),
                }
            else:
                expected = {"mean": served.model.decoded(request["z"], y)}
            answer = run(**request)
            assert answer.keys() == expected.keys()
            for one, value in expected.items():
                np.testing.assert_allclose(answer[one], value, rtol=1e-4, atol=1e-4)


def test_what_litert_has_no_operation_for_is_refused(tmp_path):
    with pytest.raises(ValueError, match="LiteRT, which lacks an operation"):
        make("mixture prior, mixed objective").model.export(tmp_path / "1", format="litert")
    assert not list(tmp_path.iterdir())
