"""Where a run takes place: on this machine's kernel (`host`) or in the embedded one (`virtual`).

Nothing else in the package knows the difference; the command line starts the same program in either.
"""
