"""TOML's reader: Python's own from 3.11 on, before that the package it was made of."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def parse_toml(text: str) -> dict[str, Any]:
    """The document's table. Raises: ValueError: not TOML, or nested without end."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("tables nested too deeply") from None
