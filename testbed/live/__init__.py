"""What is known of a run while it goes on: its raw records, read from outside as they grow, made into a view.

Nothing here can change a run: the records are written whether anybody reads them or not. How a view is shown
is the affair of `testbed.cli` (a terminal) and of `testbed.api` (a page, and metrics).
"""
