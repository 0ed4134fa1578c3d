"""Ordinary video to 3D human poses: detect, track, lift, render."""

from pathlib import Path

# In a checkout the rooms lie beside this folder, in an installed package inside it.
_HERE = Path(__file__).resolve().parent
if not (_HERE / "data").is_dir():
    __path__.append(str(_HERE.parent))

from poselift.data import __version__  # noqa: E402

__all__ = ["__version__"]
