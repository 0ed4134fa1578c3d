"""`poselift weights list|fetch|verify` and `poselift doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from poselift.models.registry import detector_files, manifest, published_files
from poselift.pipeline.weights import doctor, fetch_weights
from poselift.pipeline.weights.doctor import altered_shipped


def add(commands: Any) -> None:
    weights = commands.add_parser("weights", help="the shipped checkpoints, and published ones")
    actions = weights.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="names, roles and licences").set_defaults(handler=_list)
    actions.add_parser("verify", help="check every file's checksum").set_defaults(handler=_verify)
    fetch_weights.add(actions)
    doctor.add(commands)


def _list(asked: argparse.Namespace) -> int:
    for file, about in manifest().items():
        print(f"{about['name']:<15} {about['role']:<9} {about['licence']:<12} {about['title']}")
        print(f"{'':<15} {file}")
    print("published by VideoPose3D: poselift weights fetch NAME")
    _print_published(published_files())
    print("published networks of other detectors: poselift weights fetch NAME")
    _print_published(detector_files())
    return 0


def _print_published(files: Mapping[str, Mapping[str, Any]]) -> None:
    for file, about in files.items():
        here = "here" if (fetch_weights.home_of(file) / file).is_file() else "not here"
        print(f"{here:<15} {about['role']:<9} {about['licence']:<12} {about['title']}")
        print(f"{'':<15} {file}")


def _verify(asked: argparse.Namespace) -> int:
    failed = altered_shipped() + fetch_weights.verify_fetched()
    return 1 if failed else 0
