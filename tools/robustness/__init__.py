"""Attempts to break the command line: signals, outputs that fail, damaged run directories.

Each attempt runs the real command in a process of its own, forked from one that has its imports behind it:
hundreds take a minute. No kernel is booted: `fake_variant.py` and the tests' own stand-ins take the place
of the programs that a command starts.
"""
