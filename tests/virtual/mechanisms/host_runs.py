"""Commands of the testbed, one after another, on the kernel that this runs on: `host_runs.py OUTPUT`.

OUTPUT has `commands`, a JSON list of lists of arguments, and gets `ran.json`: exit status, what was printed,
and how long it took.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

OUTPUT = Path(sys.argv[1])
MAIN = [sys.executable, "-c", "import sys; from testbed.cli import main; sys.exit(main(sys.argv[1:]))"]
LIMIT_S = 120


def main() -> None:
    """Run them all, whatever becomes of each."""
    ran = []
    for arguments in json.loads((OUTPUT / "commands").read_text()):
        began_s = time.monotonic()
        done = subprocess.run(
            [*MAIN, *arguments],
            cwd=OUTPUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        took_s = round(time.monotonic() - began_s, 1)
        ran.append({"status": done.returncode, "out": done.stdout, "err": done.stderr, "took_s": took_s})
        (OUTPUT / "ran.json").write_text(json.dumps(ran))


if __name__ == "__main__":
    main()
