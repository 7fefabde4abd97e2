"""Package metadata of keras_vae."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (HERE / "keras_vae" / "version.py").read_text(encoding="utf-8"),
    re.MULTILINE,
).group(1)


class BuildWithZoo(build_py):
    """Copies zoo/ into the wheel, as keras_vae/_zoo.

    Not with package_dir, which would turn an editable install into an import hook; that
    one finds zoo/ where it is.
    """

    def run(self):
        """Builds the package, then copies the zoo."""
        super().run()
        target = Path(self.build_lib) / "keras_vae" / "_zoo"
        if not getattr(self, "editable_mode", False) and (HERE / "zoo").is_dir():
            # An earlier build may have left presets that are gone.
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(HERE / "zoo", target, ignore=shutil.ignore_patterns(".*"))


DEMO = ["mlxtend>=0.23"]
# Reads WAV, FLAC, OGG and, since libsndfile 1.1, MP3.
SOUND = ["soundfile>=0.12"]
TEST = ["pytest>=8", "pytest-timeout>=2.3", "pytest-xdist>=3.6", *SOUND]
# Without onnxruntime the files can be written, but not run.
ONNX = ["onnx>=1.17", "onnxruntime>=1.20", "tf2onnx>=1.16"]
# Messages for clients of TensorFlow Serving.
SERVING = ["tensorflow-serving-api>=2.18"]
# Notebook 6 exports, and talks to a server.
NOTEBOOKS = ["ipykernel>=6.29", "nbconvert>=7.16", "nbmake>=1.5", *ONNX, *SERVING]
# Presets by hf://user/name and by kaggle://user/model/keras/variation.
HUB = ["huggingface_hub>=0.30", "kagglehub>=1.0"]
# The site, from docs/, the notebooks and the docstrings.
DOCS = [
    "mkdocs>=1.6",
    "mkdocs-jupyter>=0.25",
    "mkdocs-material>=9.6",
    "mkdocstrings[python]>=0.29",
]
# Its callback is tested.
TENSORBOARD = ["tensorboard>=2.18"]
# Not for developers: they bring many packages, and their tests are skipped without them.
MLFLOW = ["mlflow>=2.16"]
WANDB = ["wandb>=0.18"]
DEV = ["build>=1.2", "mypy>=2", "pre-commit>=4", "ruff>=0.12", *HUB, *TENSORBOARD, *DOCS]

setup(
    name="keras_vae",
    version=VERSION,
    description="Variational autoencoders for Keras 3 and TensorFlow Probability",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10,<3.14",
    py_modules=["keras_vae_command"],
    # Said explicitly, an editable install is a plain path entry: a folder called keras_vae
    # beside a user's script (the clone) does not hide the package then.
    package_dir={"": "."},
    cmdclass={"build_py": BuildWithZoo},
    packages=find_packages(include=["keras_vae", "keras_vae.*"]),
    package_data={"keras_vae.explore": ["assets/*"]},
    install_requires=[
        "tensorflow>=2.18",
        # Others read files that an .h5 file names, CVE-2026-1669 and what followed it.
        "keras>=3.12.4,!=3.13.*,!=3.14.*,!=3.15.0",
        "tensorflow-probability[tf]>=0.25",
        "numpy>=1.26",
        "pandas>=2.2",
        "scikit-learn>=1.4",
        "scipy>=1.11",
        "matplotlib>=3.8",
        "pillow>=10",
        # Suggests the nearest command.
        "click>=8.4",
    ],
    extras_require={
        "demo": DEMO,
        "onnx": ONNX,
        "sound": SOUND,
        "test": TEST,
        "serving": SERVING,
        "hub": HUB,
        "tensorboard": TENSORBOARD,
        "mlflow": MLFLOW,
        "wandb": WANDB,
        "notebooks": NOTEBOOKS,
        "docs": DOCS,
        "dev": DEMO + TEST + NOTEBOOKS + DEV,
    },
    entry_points={"console_scripts": ["keras-vae = keras_vae_command:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
