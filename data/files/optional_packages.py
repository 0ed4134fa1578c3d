"""Packages that only some converters and exports need, imported when they are."""

from __future__ import annotations

import importlib
from typing import Any

from poselift.data.errors import MissingDependency

_OF = {"datasets": "converters", "exports": "exports"}


def optional_package(name: str, purpose: str, extra: str = "datasets") -> Any:
    """The imported module `name`.

    Args:
        purpose: what cannot be done without it, as the beginning of a sentence.
        extra: of setup.cfg, which has it and what is of its kind.
    Raises: MissingDependency, with the line that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingDependency(
            f"{purpose} needs '{package}', which is not installed: pip install {package} "
            f"(or all {_OF[extra]} at once: pip install 'poselift[{extra}]')."
        ) from error
