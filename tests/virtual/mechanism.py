"""Running one of the programs in `mechanisms/` inside the embedded kernel, and reading what it wrote."""

import json
from pathlib import Path
from typing import Any

from venue_boot import PYTHON, console_of, run_inside

from testbed.venue.virtual import OUTPUT_IN_GUEST

FOLDER = Path(__file__).with_name("mechanisms")


def results_of(program: str, output_dir: Path, *arguments: str, **bounds: Any) -> dict[str, Any]:
    """Boot, run `mechanisms/PROGRAM OUTPUT ARGUMENT…`; the content of each NAME.json it made, by NAME.

    `bounds` are those of the boot.
    """
    command = (PYTHON, str(FOLDER / program), OUTPUT_IN_GUEST, *arguments)
    outcome = run_inside(output_dir, *command, visible=(FOLDER,), **bounds)
    assert outcome.exit_status == 0, console_of(outcome)
    return {path.stem: json.loads(path.read_text()) for path in output_dir.glob("*.json")}
