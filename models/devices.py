"""Which device the networks run on."""

from __future__ import annotations

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
