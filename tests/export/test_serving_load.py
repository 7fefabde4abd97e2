"""A served preset under load: eight threads at once.

`pytest -m slow -s tests/export/test_serving_load.py --override-ini addopts=` prints the
latencies.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from served_models import answers, requests
from test_serving_c_api import LIBRARY

from keras_vae.export import read_signatures

SCRIPT = pathlib.Path(__file__).with_name("load_script.py")
SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256]
SECONDS = {"zoo: conv_vae_mnist": 10, "zoo: conditional_vae_mnist": 5}
ASKED = ("serving_default", "encode", "decode", "reconstruct_uint8", "encode_uint8")
ASKED += ("sample", "score")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LIBRARY.exists(), reason=f"TensorFlow without {LIBRARY.name}"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def write_job(served, model, folder, seconds):
    """The job; its inputs and answers are as many examples as the largest batch has."""
    signatures = {}
    asked, expected = requests(served, max(SIZES)), answers(served, max(SIZES))
    for name, spec in read_signatures(model).items():
        if name not in ASKED:
            continue
        np.savez(folder / f"{name}_in.npz", **asked[name])
        np.savez(folder / f"{name}_out.npz", **expected[name])
        signatures[name] = {
            "inputs": {one: spec.inputs[one].tensor for one in asked[name]},
            "outputs": {one: spec.outputs[one].tensor for one in expected[name]},
            "values": f"{name}_in.npz",
            "answers": f"{name}_out.npz",
        }
    job = {
        "library": str(LIBRARY),
        "model": str(model),
        "signatures": signatures,
        "sizes": SIZES,
        "threads": 8,
        "seconds": seconds,
    }
    (folder / "job.json").write_text(json.dumps(job))
    return folder / "job.json"


@pytest.mark.parametrize("name, seconds", SECONDS.items())
def test_a_server_under_load(exported, tmp_path, name, seconds):
    served, folder = exported(name)
    job = write_job(served, folder, tmp_path, seconds)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(job)],
        capture_output=True,
        text=True,
        timeout=seconds + 120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = (one for one in done.stdout.splitlines() if one.startswith("REPORT"))
    report = json.loads(line.removeprefix("REPORT"))
    memory = np.array(report.pop("memory"))
    print(f"\n{name}: {report['requests']:,} requests, {report['examples']:,} examples")
    print("milliseconds, 50%, 95%, 99% of requests, by batch size:", report["milliseconds"])
    print("bad requests:", report["bad"])
    print(
        f"memory: {memory[len(memory) // 3] / 1e6:.0f} MB after a third of the time, "
        f"{memory[-len(memory) // 3 :].max() / 1e6:.0f} MB at most in the last third"
    )
    assert not report["faults"]
    assert set(report["bad"]) == {
        "dtype: refused",
        "empty: answered with none",
        # Where a model takes gaps, NaN says where they are.
        "nan: answered" if served.model.takes_gaps else "nan: refused",
        "shape: refused",
    }
    # The sizes are handed out in turn.
    assert set(map(int, report["milliseconds"])) == set(SIZES[: report["requests"]])
    if report["requests"] < 200:
        # Large images in few seconds: the allocators are still taking their share.
        return
    # No more than what allocators keep of requests under way: a request that leaked its
    # tensors would show as hundreds of megabytes.
    early, late = (
        memory[len(memory) // 3 : 2 * len(memory) // 3],
        memory[-len(memory) // 3 :],
    )
    assert late.max() < 1.05 * early.max() + 50e6
