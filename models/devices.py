"""Which device the networks run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from poselift.data.errors import PoseliftError, reason_of

BEST = "auto"


def checked_device(name: str) -> str:
    """A torch device that works here; BEST takes a GPU where there is one.

    Raises: PoseliftError: torch has no such device here.
    """
    import torch

    if name == BEST:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise PoseliftError(
            f"device '{name}' cannot be used ({reason_of(error)}). Try --device cpu."
        ) from error
    return name


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread of the processor, and afterwards as before.

    Threads that share the work of small convolutions wait for each other by spinning. On two
    cores that had other work to do, two threads lifted 44 and 71 frames/s and one 548 and 756.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
