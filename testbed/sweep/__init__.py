"""Sweeps: a scenario at every combination of some values and seeds, and what all these runs say together.

`axes` and `plan` say what is to be run, `directory` keeps on disk what is finished, `local` and `cluster`
have it done, `dataset` gathers the numbers and `statistics` has the intervals. How a single run is made is
not here: it is a program of the command line, which this package is told.
"""
