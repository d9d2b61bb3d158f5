"""The runs of a sweep on a Dask cluster: the same orders and the same program, and run directories come home.

Workers need the testbed in their Python and the same embedded kernel, and no file system in common with us:
an order is complete in itself, and a finished run returns as an archive. Files that a scenario names itself
(a topology, a matrix) must lie in the same place everywhere.
"""

import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Generator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from testbed.errors import NotReadyError
from testbed.record.directory import SUMMARY
from testbed.sweep.directory import SweepDirectory
from testbed.sweep.local import last_words, let_go, start, stop
from testbed.sweep.order import Ended, Happened, Order, Placed, Started

_CONNECT_S = 20


def work_off(
    scheduler: str, directory: SweepDirectory, orders: Sequence[Order], command: Sequence[str]
) -> Generator[Happened, None, None]:
    """Have orders done by the workers of a scheduler; `command` is what follows `python` there.

    A run whose worker died, or has no testbed, is a failed run and stops no other. Leaving early drops what
    no worker has begun; what is under way on workers ends there, unread.

    Raises:
        NotReadyError: dask.distributed is not installed, the scheduler does not answer, or it has no worker.
    """
    client_class, as_completed = _distributed()
    try:
        client = client_class(scheduler, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise NotReadyError(
            f"--scheduler {scheduler}: no Dask scheduler answers ({error}); start one with `dask scheduler`"
        ) from error
    with client:
        side_by_side = sum(client.nthreads().values())
        if not side_by_side:
            raise NotReadyError(
                f"--scheduler {scheduler}: it has no worker; start some with `dask worker {scheduler}`"
            )
        futures = {}
        for order in orders:
            directory.clear(order.name)
            future = client.submit(
                carry_out, Placed(order=order, out="", side_by_side=1), command, pure=False
            )
            futures[future] = order.name
        # Workers do not say what they begin; they take orders as they come, each as many as it has threads.
        begun = iter([order.name for order in orders])
        yield from (Started(name) for name in islice(begun, side_by_side))
        for future in as_completed(list(futures)):
            name = futures.pop(future)
            yield from (Started(other) for other in islice(begun, 1))
            refusal = future.exception()
            if refusal is not None:
                yield _failed(directory, name, 70, f"on the cluster: {type(refusal).__name__}: {refusal}")
                continue
            status, log, packed = future.result()
            future.release()
            if status:
                yield _failed(directory, name, status, log)
            else:
                unpack(packed, directory, name)
                yield Ended(name, 0)


def carry_out(placed: Placed, command: Sequence[str]) -> tuple[int, str, bytes]:
    """On a worker: carry an order out in a folder of its own; its status, what it printed, the run packed."""
    with tempfile.TemporaryDirectory(prefix="testbed-sweep-") as made:
        folder = Path(made)
        out, log = folder / "run", folder / "log"
        here = Placed(order=placed.order, out=str(out), side_by_side=placed.side_by_side)
        process = start((sys.executable, *command), here, log)
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


def _failed(directory: SweepDirectory, name: str, status: int, log: str) -> Ended:
    directory.log_path(name).write_text(log, encoding="utf-8", errors="backslashreplace")
    return Ended(name, status, last_words(log, status))


def _distributed() -> tuple[Any, Any]:
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise NotReadyError(
            "--scheduler needs dask.distributed, which is not installed; run `pip install 'testbed[cluster]'`"
        ) from error
    return Client, as_completed
