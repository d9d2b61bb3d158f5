"""The run directory: what programs write while a run lasts, and what stands when it is over.

`streams` and `logs` are written by the programs on the emulated hosts and import nothing heavy;
`merge` turns their raw files into the tables of the run; `directory` knows where everything lies.
What the numbers mean is the business of `testbed.report`.
"""
