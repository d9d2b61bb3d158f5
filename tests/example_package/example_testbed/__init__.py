"""One extension of each kind for the testbed."""
