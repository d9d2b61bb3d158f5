"""Names and limits that several commands share; importing them must cost nothing."""

VERSION = "0.1.0"
SCENARIO_FILE = "scenario.yaml"
"""What the inner program reads from its folder."""
WALL_LIMIT_S = 3600.0
"""How long a variant may take unless `--wall-limit` says otherwise."""
STALL_LIMIT_S = 120.0
"""CPU time in which virtual time may stand still unless `--stall-limit` says otherwise."""
