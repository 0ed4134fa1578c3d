"""`poselift page`: the page of results that are there."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from poselift.data.errors import one_line
from poselift.inference.video.views import ROTATIONS
from poselift.pipeline.viewer.video_choice import HOWS


def add(commands: Any) -> None:
    command = commands.add_parser("page", help="results of a clip -> page.html, for a browser")
    command.add_argument("folder", type=Path, metavar="FOLDER")
    command.add_argument("--video", type=Path, metavar="FILE", help="that the results are of")
    command.add_argument(
        "--rotate", type=int, choices=ROTATIONS, help="as it was when they were made"
    )
    add_page_video(command)
    command.set_defaults(handler=_page)


def add_page_video(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--page-video",
        choices=HOWS,
        default="embed",
        help="the video in the page: up to 30 MB, linked above (default: embed)",
    )


def _page(asked: argparse.Namespace) -> int:
    from poselift.pipeline.clip.pages import page_folder

    path = page_folder(asked.folder, asked.video, rotate=asked.rotate, how=asked.page_video)
    print(one_line(path))
    return 0
