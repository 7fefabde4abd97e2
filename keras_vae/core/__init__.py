"""What several floors of the package need: supports, seeds, the trace."""
