"""3D poses as files of other programs, in a folder whose other files are kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poselift.data.exports.settings import ExportSettings
from poselift.data.files.whole_file import file_sha256
from poselift.data.structures import Poses3D
from poselift.pipeline.clip.folder_record import FolderRecord, Origin, locked
from poselift.pipeline.clip.sources import absolute
from poselift.pipeline.exports.formats import exports_of
from poselift.pipeline.exports.scene import scene_of

EXPORT = "export"


def export_file(
    poses_file: Path,
    poses: Poses3D,
    folder: Path,
    formats: Sequence[str],
    settings: ExportSettings | None = None,
) -> list[Path]:
    """Write the exports of a poses file; the paths of what was written.

    What an earlier export wrote is replaced, any other file is kept.

    Raises: UnknownName, LayoutMismatch; OutputError: a file of somebody else has the name of
        one, or the folder cannot be written.
    """
    made = exports_of(scene_of(poses, settings or ExportSettings()), formats)
    with locked(folder) as making:
        record = FolderRecord(folder)
        record.check_replaceable(made)
        if record.origin is None:
            record.claim(Origin(absolute(poses_file), file_sha256(poses_file)))
        written = []
        for name, content in made.items():
            part = making / name
            part.write_bytes(content())
            written.append(record.put(part, name, EXPORT, ""))
    return written
