"""`poselift run`: the main job on files, folders or globs."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

from poselift.data.errors import PoseliftError, one_line, told
from poselift.inference.detectors.choice import chosen
from poselift.pipeline.clip.settings import RENDERS, STAGES, RunSettings
from poselift.pipeline.commands.many_command import (
    add_many,
    check_many,
    findings,
    is_many,
    line_of_clip,
    run_many_clips,
)
from poselift.pipeline.commands.page_command import add_page_video
from poselift.pipeline.commands.show_commands import renew_index
from poselift.pipeline.exports.formats import FORMATS
from poselift.pipeline.flags.export_flags import add_export_flags, export_settings
from poselift.pipeline.flags.flag_values import names
from poselift.pipeline.flags.scene_flags import add_camera, add_scene, known_scene
from poselift.pipeline.flags.shared_flags import (
    add_detector,
    add_lifter,
    add_look,
    add_stretch,
    add_view,
)
from poselift.pipeline.progress import progress_for

if TYPE_CHECKING:
    from poselift.pipeline.clip.clip_result import ClipResult
    from poselift.pipeline.clip.run_many import Failure


def add_run(commands: Any) -> None:
    command = commands.add_parser(
        "run",
        help="videos to keypoints, 3D poses and an overlay",
        description="Detect, track, lift and render every video; results lie in OUT/<clip>/.",
    )
    command.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="video, pictures, folder or glob"
    )
    command.add_argument("-o", "--output", required=True, metavar="OUT")
    add_detector(command)
    add_lifter(command)
    command.add_argument(
        "--people", default="all", metavar="all|best|N", help="who to keep (default: all)"
    )
    command.add_argument("--render", choices=RENDERS, default="mp4", help="default: mp4")
    add_look(command)
    command.add_argument(
        "--export",
        type=names,
        default=(),
        metavar="LIST",
        help=f"write the poses as {', '.join(FORMATS)}: some of them, with commas between",
    )
    add_export_flags(command, "--export-")
    command.add_argument(
        "--page", action=argparse.BooleanOptionalAction, default=True, help="page.html (default)"
    )
    add_page_video(command)
    add_stretch(command)
    add_view(command)
    add_scene(command)
    add_camera(command)
    command.add_argument(
        "--force",
        action="append",
        default=[],
        metavar="STAGE",
        choices=STAGES,
        help=f"run a stage and those after it again: {', '.join(STAGES)}",
    )
    command.add_argument("--no-cache", action="store_true", help="run every stage again")
    add_many(command)
    command.add_argument("--quiet", action="store_true", help="print errors only")
    command.add_argument(
        "--json", action="store_true", help="print each clip's summary as one line of JSON"
    )
    command.set_defaults(handler=lambda asked: run(asked, command))


def run(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    check_many(asked, command)
    try:
        settings = RunSettings(
            detector=chosen(asked),
            lifter=asked.lifter,
            device=asked.device,
            people=asked.people,
            render=asked.render,
            view=asked.view,
            style=asked.style,
            exports=asked.export,
            export_settings=export_settings(asked),
            page=asked.page,
            page_video=asked.page_video,
            start_s=asked.start,
            end_s=asked.end,
            rotate=asked.rotate,
            fps=asked.fps,
            scene=known_scene(asked),
            workers=asked.workers,
            force=frozenset(asked.force),
            use_cache=not asked.no_cache,
        )
    except ValueError as error:
        command.error(str(error))
    if is_many(asked):
        return run_many_clips(asked, settings)
    from poselift.pipeline.batch.here import run_here

    quiet = asked.quiet or asked.json

    def done(result: ClipResult) -> None:
        if asked.json:
            print(json.dumps(result.summary), flush=True)
        elif not asked.quiet:
            for line in (*findings(result.source.name, result.summary), _line(result)):
                print(one_line(line), flush=True)

    progress = progress_for(quiet=quiet)
    failures, total = run_here(asked.inputs, asked.output, settings, progress, done)
    _print_failures(failures, total, debug=asked.debug)
    why = {str(failure.source): told(failure.error) for failure in failures}
    renew_index(asked.output, why, several=total > 1)
    return 1 if failures else 0


def _line(result: ClipResult) -> str:
    """What was found, how long it took, and where it lies."""
    where = result.overlay or result.folder / "poses3d.npz"
    return line_of_clip(result.source.name, result.summary, where)


def _print_failures(failures: list[Failure], total: int, *, debug: bool) -> None:
    for failure in failures:
        if debug:
            traceback.print_exception(failure.error)
        what = "" if isinstance(failure.error, PoseliftError) else f"{one_line(failure.source)}: "
        print(f"poselift: {what}{told(failure.error)}", file=sys.stderr)
    if failures and total > 1:
        print(f"poselift: {len(failures)} of {total} inputs failed", file=sys.stderr)
