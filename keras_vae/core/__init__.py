"""Common code of the whole package: supports, seeds, the trace."""
