"""The packages that a result depends on, and which of them are here."""

from __future__ import annotations

from importlib import metadata

PACKAGES = ("torch", "ai-edge-litert", "av", "numpy", "opencv-python-headless")


def version_of(package: str) -> str | None:
    """None: it is not installed as a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
