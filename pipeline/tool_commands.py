"""`poselift weights list|fetch|verify` and `poselift doctor`."""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
from importlib import metadata
from typing import Any

import imageio_ffmpeg
import torch

import data
from data.errors import PoseliftError, one_line
from inference.detectors import BACKENDS, make_detector
from models.registry import checkpoint_file, manifest, published_files
from pipeline import fetch_weights
from pipeline.summary import PACKAGES


def add(commands: Any) -> None:
    weights = commands.add_parser("weights", help="the shipped checkpoints, and published ones")
    actions = weights.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="names, roles and licences").set_defaults(handler=_list)
    actions.add_parser("verify", help="check every file's checksum").set_defaults(handler=_verify)
    fetch_weights.add(actions)
    commands.add_parser("doctor", help="what is installed and works here").set_defaults(
        handler=_doctor
    )


def _list(asked: argparse.Namespace) -> int:
    for file, about in manifest().items():
        print(f"{about['name']:<10} {about['role']:<9} {about['licence']:<12} {about['title']}")
        print(f"{'':<10} {file}")
    print("published by VideoPose3D: poselift weights fetch NAME")
    for file, about in published_files().items():
        here = "here" if (fetch_weights.home_of(file) / file).is_file() else "not here"
        print(f"{here:<10} {about['role']:<9} {about['licence']:<12} {about['title']}")
        print(f"{'':<10} {file}")
    return 0


def _verify(asked: argparse.Namespace) -> int:
    failed = _altered_shipped() + fetch_weights.verify_fetched()
    return 1 if failed else 0


def _altered_shipped() -> int:
    failed = 0
    for file in manifest():
        try:
            print(f"{file}: ok ({checkpoint_file(file).sha256[:12]}...)")
        except PoseliftError as error:
            failed += 1
            print(one_line(error), file=sys.stderr)
    return failed


def _doctor(asked: argparse.Namespace) -> int:
    """Print what there is; status 1 when the main job cannot run."""
    print(f"poselift {data.__version__}, Python {platform.python_version()}, {platform.platform()}")
    for package in PACKAGES:
        try:
            print(f"  {package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            print(f"  {package}: not installed as a package")
    print(f"  ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}")
    print("devices")
    print(f"  cpu: {torch.get_num_threads()} threads")
    for index in range(torch.cuda.device_count()):
        print(f"  cuda:{index}: {torch.cuda.get_device_name(index)}")
    if torch.backends.mps.is_available():
        print("  mps: Apple GPU")
    print("detectors")
    usable = [name for name in BACKENDS if _usable(name)]
    return 0 if usable and not _altered_shipped() else 1


def _usable(name: str) -> bool:
    try:
        importlib.import_module(BACKENDS[name].partition(":")[0])
        make_detector(name)
    except (PoseliftError, ImportError) as error:
        print(f"  {name}: {one_line(error)}")
        return False
    print(f"  {name}: works")
    return True
