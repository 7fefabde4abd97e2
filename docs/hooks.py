"""What the site changes in pages that are read in the repository, too."""

import re

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
