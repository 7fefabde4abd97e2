"""Shows the examples of docstrings as code: the parser knows the heading "Examples" alone."""

import re

import griffe


class ExamplesAsCode(griffe.Extension):
    """Renames the heading before a docstring is read."""

    def on_instance(self, *, obj, **kwargs):
        """Called for each object that is found."""
        if obj.docstring is not None:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.M)
            obj.docstring.value = text
