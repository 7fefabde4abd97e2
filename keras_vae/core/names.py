"""Looking things up by a name that a person typed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(kind: str, name: object, known: Iterable[str], advice: str = "") -> ValueError:
    """Makes the error for a name that is not known, with the nearest that is.

    Args:
        kind: What is named, such as "objective".
        name: What was given.
        known: The names that would have been right.
        advice: A sentence for the end.

    Returns:
        The exception, to be raised by the caller.

    Example:
        >>> str(unknown("objective", "elbow", ["elbo", "iwae"]))
        "Unknown objective 'elbow'. Did you mean 'elbo'? Known: elbo, iwae."
    """
    known = sorted(known)
    begun = [one for one in known if one.startswith(str(name).lower())]
    # Half the letters of long names agree by chance: "vq_vae" does not mean "conv_vae".
    cutoff = 0.5 if len(str(name)) < 4 else 0.72
    word = str(name).lower()
    nearest = begun or difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    # A number that looks alike is another number.
    nearest = [] if word.lstrip("-").isdigit() else nearest
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    text = f"Unknown {kind} {name!r}.{hint} Known: {', '.join(known)}. {advice}"
    return ValueError(text.rstrip())
