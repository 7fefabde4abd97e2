"""The linear-Gaussian model of tests/models, whose log p(x) is known, here as well."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
