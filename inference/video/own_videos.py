"""Videos that were made here carry a mark, so that nobody else's is ever replaced."""

from __future__ import annotations

from pathlib import Path

from poselift.data.files.file_kinds import FileKind
from poselift.inference.video.containers import open_container

MARK = "Poselift"  # an MP4's comment
# A comment at the end of a GIF: ffmpeg writes none. The trailer is a semicolon.
_GIF_COMMENT = b"!\xfe" + bytes([len(MARK)]) + MARK.encode() + b"\0;"


def mark_gif(path: Path) -> None:
    """Put the comment before a GIF's trailer."""
    with path.open("r+b") as stream:
        stream.seek(-1, 2)
        if stream.read(1) == _GIF_COMMENT[-1:]:
            stream.seek(-1, 2)
            stream.write(_GIF_COMMENT)


def is_marked(path: Path) -> bool:
    """Raises: VideoError, OSError: it cannot be read."""
    with path.open("rb") as stream:
        if stream.read(4) == b"GIF8":
            stream.seek(-len(_GIF_COMMENT), 2)
            return stream.read() == _GIF_COMMENT
    with open_container(path) as container:
        return container.metadata.get("comment") == MARK


OVERLAY = FileKind("an overlay", (".mp4", ".gif"), is_marked)
