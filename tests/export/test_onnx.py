"""As ONNX, encode and decode give what they give in Keras."""

import importlib.util

import numpy as np
import pytest
from served_models import make, requests

MISSING = [
    name
    for name in ("onnx", "tf2onnx", "onnxruntime")
    if importlib.util.find_spec(name) is None
]
needs_onnx = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {', '.join(MISSING)} (the extra 'onnx')"
)


@needs_onnx
@pytest.mark.parametrize("name", ["learned scale", "VAE-GAN", "condition"])
def test_onnx_runtime_answers_as_keras_does(tmp_path, name):
    import onnxruntime

    served = make(name)
    served.model.export(tmp_path / "1", format="onnx")
    files = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert files == ["decode.onnx", "encode.onnx"]
    for key in ("encode", "decode"):
        session = onnxruntime.InferenceSession(tmp_path / "1" / f"{key}.onnx")
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
            assert {one.name for one in session.get_outputs()} == set(expected)
            answer = session.run(list(expected), request)
            for given, value in zip(answer, expected.values(), strict=True):
                np.testing.assert_allclose(given, value, rtol=1e-5, atol=1e-5)


@needs_onnx
def test_what_onnx_has_no_operation_for_is_refused(tmp_path):
    with pytest.raises(ValueError, match="ONNX lacks an operation"):
        make("mixture prior, mixed objective").model.export(tmp_path / "1", format="onnx")
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "onnx" in name else find(name)
    )
    with pytest.raises(ImportError, match="needs the package onnx, which is not"):
        make("learned scale").model.export(tmp_path / "1", format="onnx")
    assert not list(tmp_path.iterdir())
