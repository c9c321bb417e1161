"""Where evaluations run: processes of this computer, or the workers of a Dask scheduler. Both are executors."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from toolchain.errors import ToolError

_CONNECT_S = 5


@contextmanager
def workers(jobs: int, scheduler: str | None) -> Iterator[tuple[Executor, int]]:
    """An executor and how many evaluations to have under way. Raises ToolError when the scheduler does not answer."""
    if scheduler is not None:
        with _dask(scheduler, jobs) as found:
            yield found
        return
    # Spawned, for TensorFlow does not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_end_with_parent)
    try:
        yield pool, jobs
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """A killed search must not leave workers that wait for ever."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _dask(address: str, jobs: int) -> Iterator[tuple[Executor, int]]:
    try:
        from distributed import Client
    except ImportError as e:
        raise ToolError("--scheduler needs Dask", "Install it: pip install 'mcuforge[search]'") from e
    try:
        client: Any = Client(address, timeout=_CONNECT_S)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as e:
        raise ToolError(
            f"no Dask scheduler answers at {address}", "Start one: dask scheduler; and workers: dask worker ADDRESS"
        ) from e
    try:
        threads = sum(client.nthreads().values())
        if not threads:
            raise ToolError(f"the scheduler at {address} has no workers", f"Start some: dask worker {address}")
        yield client.get_executor(pure=False), max(jobs, threads)
    finally:
        client.close()
