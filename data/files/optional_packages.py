"""Packages that only the converters of data sets need, imported when they are."""

from __future__ import annotations

import importlib
from typing import Any

from poselift.data.errors import MissingDependency


def optional_package(name: str, purpose: str) -> Any:
    """The imported module `name`.

    Args:
        purpose: what cannot be done without it, as the beginning of a sentence.
    Raises: MissingDependency, with the line that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingDependency(
            f"{purpose} needs '{package}', which is not installed: pip install {package} "
            "(or all converters at once: pip install 'poselift[datasets]')."
        ) from error
