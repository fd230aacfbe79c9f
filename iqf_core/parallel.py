"""Work on many images at once, through joblib: threads, processes, or a cluster.

Threads are the default: codecs and NumPy release the GIL. Where a modifier or metric does not, pass
``backend="loky"``; under ``joblib.parallel_config(backend="dask")`` the work goes to that cluster.
No scheduler of our own. While items are worked on at once, linear algebra has one thread for each: threads
of threads wait for one another, at times for ten times as long as the work takes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import joblib
from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Result = TypeVar("Result")


def default_workers() -> int:
    """Number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def unordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int | None = None,
    backend: str | None = None,
) -> Iterator[Result]:
    """Apply ``function`` to every item and yield the results as they come.

    Parameters
    ----------
    function : callable
        Called with one item; must not depend on the order.
    items : iterable
        What to work on.
    workers : int or None, optional
        How many at once; None means one per processor, or whatever an enclosing
        ``joblib.parallel_config`` says.
    backend : str or None, optional
        A joblib backend; None means threads, unless an enclosing ``joblib.parallel_config`` chose one.

    Yields
    ------
    Result
        In the order of completion.
    """
    if workers == 1 and backend is None:
        yield from map(function, items)
        return
    chosen = {} if backend is None else {"backend": backend}
    pool = joblib.Parallel(
        n_jobs=workers, prefer="threads", return_as="generator_unordered", batch_size=1, **chosen
    )
    if workers is None and pool.n_jobs == 1:
        pool.n_jobs = default_workers()
    with threadpool_limits(limits=1, user_api="blas"):
        yield from pool(joblib.delayed(function)(item) for item in items)
