"""FBX by a Blender that the user has: started in a process of its own, a GLB in, an FBX out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from poselift.data.errors import MissingDependency, OutputError, one_line, reason_of
from poselift.data.exports.settings import ExportSettings

LIMIT_S = 600.0  # that Blender may take for a file
MAGIC = b"Kaydara FBX Binary"
SCRIPT = Path(__file__).with_name("blender_fbx.py")


def find_blender(settings: ExportSettings) -> str:
    """The program: what is asked for, else $BLENDER, else `blender` on the path.

    Raises: MissingDependency.
    """
    asked = settings.blender or os.environ.get("BLENDER") or "blender"
    found = shutil.which(asked)
    if found is None:
        raise MissingDependency(
            f"Exporting to fbx needs Blender, and '{asked}' is no program. Install it from "
            "blender.org, and name it with --blender PATH; or export to glb, which it opens."
        )
    return found


def fbx_of(glb: bytes, fps: float, blender: str) -> bytes:
    """A GLB as FBX, which is in centimetres.

    Raises: OutputError: Blender fails, or takes longer than LIMIT_S.
    """
    with tempfile.TemporaryDirectory(prefix="poselift-") as folder:
        source, made, log = (Path(folder) / name for name in ("in.glb", "out.fbx", "log"))
        source.write_bytes(glb)
        flags = ("--background", "--factory-startup", "-noaudio", "--python-exit-code", "1")
        words = [blender, *flags, "--python", SCRIPT, "--", source, made, repr(fps)]
        status = _run([str(word) for word in words], log)
        content = made.read_bytes() if made.is_file() else b""
        if status or not content.startswith(MAGIC):
            said = one_line(_last_line(log))
            raise OutputError(
                f"{blender}: made no FBX (exit status {status}; '{said}'). Blender 5.0 is known to "
                "work; or export to glb, and convert that."
            )
        return content


def _run(words: Sequence[str], log: Path) -> int:
    """The exit status. Raises: OutputError: it cannot be started, or takes too long."""
    alone = os.name == "posix"  # with what it starts, so that all of it can be ended
    try:
        with log.open("wb") as stream:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=alone,
            )
    except OSError as error:
        raise OutputError(f"{words[0]}: cannot be started ({reason_of(error)}).") from error
    try:
        return process.wait(LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise OutputError(
            f"{words[0]}: took longer than {LIMIT_S:g} s for an FBX, and was ended. Export fewer "
            "frames, or to glb, and convert that."
        ) from error
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):  # it ended just now
                if alone:
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    told = [line.strip() for line in lines if line.strip()]
    return told[-1][:200] if told else "it says nothing"
