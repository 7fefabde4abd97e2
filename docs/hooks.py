"""What the site changes in pages that are read in the repository, too, and what it makes."""

import functools
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from mkdocs.structure.files import File

# Links to what is no page of the site: their text stays.
_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)?(?:LICENSE|examples/[\w.]+|\.ci/run)\)")
_FOLDERS = ("benchmarks", "notebooks", "zoo")
_FROM_ROOT = ("contributing.md", "changelog.md")


def on_page_markdown(markdown, page, config, files):
    """Rewrites links for where the page is in the site."""
    place = page.file.src_uri
    if place.partition("/")[0] in _FOLDERS:
        markdown = markdown.replace("../docs/", "../")
    if place in _FROM_ROOT:
        markdown = markdown.replace("](docs/", "](")
    return _OUTSIDE.sub(r"\1", markdown)


def on_page_content(html, page, config, files):
    """Rewrites links of notebooks, which are no Markdown when the hook above runs."""
    if page.file.src_uri.endswith(".ipynb"):
        html = re.sub(r'href="(\w+)\.ipynb"', r'href="../\1/"', html)
        html = re.sub(r'href="\.\./docs/(\w+)\.md', r'href="../../\1/', html)
    return html


def on_files(files, config):
    """Adds a page to explore a preset, as the command writes it."""
    name = "dense_vae_digits"
    page = File.generated(config, f"explore_{name}.html", content=_explored(name))
    files.append(page)
    return files


@functools.cache
def _explored(name):
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        command = [sys.executable, "-m", "keras_vae", "explore", name, "--output", page]
        subprocess.run(command, check=True)
        return page.read_text("utf-8")
