"""A Dask cluster on this machine, each part of it a process that a test may kill."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CODE = "import sys; from distributed.cli.{} import main; main()"
_PATIENCE_S = 120


class Cluster:
    """A scheduler and its workers of one thread each; temporary files of theirs are below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / "scheduler.json"
        self._log = (folder / "cluster.log").open("w")
        self.workers: list[subprocess.Popen[bytes]] = []
        listen = ("--port", "0", "--no-dashboard", "--host", "127.0.0.1")
        self.scheduler = self._start("dask_scheduler", *listen)
        self.address = ""

    def _start(self, program: str, *options: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", _CODE.format(program), "--scheduler-file", str(self._file), *options],
            stdout=self._log,
            stderr=self._log,
            cwd=self._folder,
            env={**os.environ, "TMPDIR": str(self._folder)},
        )

    def add_worker(self) -> None:
        """Start one more, which takes a few seconds to be there."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self._folder))
        self.workers.append(self._start("dask_worker", *options))

    def up(self) -> None:
        """Wait until all are there."""
        from distributed import Client

        with Client(scheduler_file=str(self._file), timeout=_PATIENCE_S) as client:
            client.wait_for_workers(len(self.workers), timeout=_PATIENCE_S)
            self.address = client.scheduler.address

    def kill(self) -> None:
        """Kill all of it: workers that lost their scheduler would wait for it to come back."""
        for process in (self.scheduler, *self.workers):
            process.kill()
        for process in (self.scheduler, *self.workers):
            process.wait()
        self._log.close()


@contextmanager
def running(folder: Path, workers: int) -> Iterator[Cluster]:
    """A cluster that is gone afterwards."""
    folder.mkdir(exist_ok=True)
    made = Cluster(folder)
    try:
        for _ in range(workers):
            made.add_worker()
        made.up()
        yield made
    finally:
        made.kill()
