"""Named experiments: the runs that each plans from a user's settings, at one of three scales."""
