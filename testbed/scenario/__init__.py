"""Scenario files: YAML to checked values of the model, and back to text.

What a scenario means is in `testbed.applications.script`; what happens on a network is elsewhere.
"""

from testbed.scenario.file import ScenarioFile
from testbed.scenario.loading import from_mapping, load
from testbed.scenario.source import shipped, shipped_topologies

__all__ = ["ScenarioFile", "from_mapping", "load", "shipped", "shipped_topologies"]
