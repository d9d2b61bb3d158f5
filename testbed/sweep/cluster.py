"""The runs of a sweep on a Dask cluster: the same orders and the same program, and run directories come home.

Workers need the testbed in their Python and the same embedded kernel, and no file system in common with us:
an order is complete in itself, and a finished run returns as an archive. Files that a scenario names itself
(a topology, a matrix) must lie in the same place everywhere.
"""

import io
import json
import logging
import sys
import time
import zipfile
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from testbed.errors import NotReadyError, TestbedError
from testbed.record.atomic import explained
from testbed.record.run_directory import SUMMARY
from testbed.sweep.local import last_words, let_go, start, stop
from testbed.sweep.run_order import LocalOrder, RunOrder, RunResult, RunStarted, RunUpdate
from testbed.sweep.scratch import scratch_folder
from testbed.sweep.sweep_directory import SweepDirectory

_CONNECT_S = 20
LOOK_EVERY_S = 5
NO_WORKER_S = 60.0
"""How long a cluster may be without any worker: one that restarts takes less."""


def work_off(
    scheduler: str, directory: SweepDirectory, orders: Sequence[RunOrder], command: Sequence[str]
) -> Generator[RunUpdate, None, None]:
    """Have orders done by the workers of a scheduler; `command` is what follows `python` there.

    A run whose worker died, or has no testbed, is a failed run and stops no other. Leaving early drops what
    no worker has begun; what is under way on workers ends there, unread.

    Raises:
        NotReadyError: dask.distributed is not installed, the scheduler does not answer or is lost, or it has
            no worker, or none any more.
    """
    distributed = _distributed()
    with _quiet(), _connected(distributed, scheduler) as client:
        side_by_side = sum(client.nthreads().values())
        if not side_by_side:
            raise NotReadyError(
                f"--scheduler {scheduler}: it has no worker; start some with `dask worker {scheduler}`"
            )
        futures = {}
        for order in orders:
            directory.clear(order.name)
            future = client.submit(
                carry_out, LocalOrder(order=order, out="", side_by_side=1), command, pure=False
            )
            futures[future] = order.name
        # Workers do not say what they begin; they take orders as they come, each as many as it has threads.
        begun = iter([order.name for order in orders])
        yield from (RunStarted(name) for name in islice(begun, side_by_side))
        while futures:
            for future in _completed(distributed, client, scheduler, futures):
                name = futures.pop(future)
                yield from (RunStarted(other) for other in islice(begun, 1))
                yield _gathered(directory, name, future)


@contextmanager
def _connected(distributed: Any, scheduler: str) -> Iterator[Any]:
    """A client of the scheduler.

    Raises:
        NotReadyError: It does not answer, or does not any more.
    """
    try:
        client = distributed.Client(scheduler, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise NotReadyError(
            f"--scheduler {scheduler}: no Dask scheduler answers ({error}); start one with `dask scheduler`"
        ) from error
    try:
        with client:
            yield client
    except (CancelledError, OSError) as error:
        raise NotReadyError(
            f"--scheduler {scheduler}: the connection to the scheduler was lost; what was finished is kept, "
            "and the same command carries on from there once a scheduler runs"
        ) from error


def _completed(distributed: Any, client: Any, scheduler: str, futures: Collection[Any]) -> Iterable[Any]:
    """Those that are done by now, at least one.

    Raises:
        NotReadyError: There has been no worker for some time, so that none will be.
    """
    alone_since_s: float | None = None
    while True:
        try:
            done: Iterable[Any] = distributed.wait(
                list(futures), timeout=LOOK_EVERY_S, return_when="FIRST_COMPLETED"
            ).done
        except TimeoutError:
            now_s = time.monotonic()
            alone_since_s = None if client.nthreads() else alone_since_s or now_s
            if alone_since_s is not None and now_s - alone_since_s > NO_WORKER_S:
                raise NotReadyError(
                    f"--scheduler {scheduler}: all of its workers are gone; what was finished is kept, and "
                    f"the same command carries on from there. Start some with `dask worker {scheduler}`"
                ) from None
        else:
            return done


def _gathered(directory: SweepDirectory, name: str, future: Any) -> RunResult:
    """What came of a run, which is put where it belongs."""
    refusal = future.exception()
    if refusal is not None:
        # A worker that died, or has no testbed, is something that is not there; all else is our defect.
        missing = type(refusal).__name__ == "KilledWorker" or isinstance(refusal, ImportError)
        status = NotReadyError.exit_status if missing else TestbedError.exit_status
        return _failed(directory, name, status, f"on the cluster: {type(refusal).__name__}: {refusal}")
    status, log, packed = future.result()
    future.release()
    if status:
        return _failed(directory, name, status, log)
    with explained("keep the run in", directory.run(name).path):
        unpack(packed, directory, name)
    return RunResult(name, 0)


def carry_out(placed: LocalOrder, command: Sequence[str]) -> tuple[int, str, bytes]:
    """On a worker: carry an order out in a folder of its own; its status, what it printed, the run packed."""
    with scratch_folder() as (folder, lock):
        out, log = folder / "run", folder / "log"
        here = replace(placed, out=str(out), scratch=str(folder))
        process = start((sys.executable, *command), here, log, (lock,))
        try:
            status = process.wait()
            let_go(process)
        finally:
            if process.returncode is None:
                stop([process])
        printed = log.read_text(encoding="utf-8", errors="replace")
        consoles = "".join(each.read_text(errors="replace") for each in sorted(out.glob("logs/*.log")))
        return status, consoles + printed, b"" if status else _packed(out)


def unpack(packed: bytes, directory: SweepDirectory, name: str) -> None:
    """Put a run where it belongs; its summary comes last, because with it the run counts as finished.

    The checksums came with it, except for that of the summary, which tells where the run is.
    """
    run = directory.run(name)
    run.path.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(run.path, [member for member in archive.namelist() if member != SUMMARY])
        found: dict[str, Any] = json.loads(archive.read(SUMMARY))
    run.write_summary({**found, "run_dir": str(run.path)})


def _packed(run: Path) -> bytes:
    target = io.BytesIO()
    # Not compressed: what is large is Parquet, and that is compressed.
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(run.rglob("*")):
            archive.write(path, path.relative_to(run))
    return target.getvalue()


def _failed(directory: SweepDirectory, name: str, status: int, log: str) -> RunResult:
    with explained("write", directory.log_path(name)):
        directory.log_path(name).write_text(log, encoding="utf-8", errors="backslashreplace")
    return RunResult(name, status, last_words(log, status))


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is logged: the client prints tracebacks of what is told in a sentence."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise NotReadyError(
            "--scheduler needs dask.distributed, which is not installed; run `pip install 'testbed[cluster]'`"
        ) from error
    return distributed
