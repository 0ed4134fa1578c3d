"""`poselift weights list|fetch|verify`: the shipped checkpoints, and published ones."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from poselift.data.errors import PoseliftError, one_line
from poselift.models.registry import detector_files, manifest, published_files
from poselift.pipeline.weights.weight_files import (
    LICENCES,
    RECORD,
    FileState,
    about,
    fetchable,
    fetched_states,
    home_of,
    place_of,
    shipped_states,
)


def add(commands: Any) -> None:
    weights = commands.add_parser("weights", help="the shipped checkpoints, and published ones")
    actions = weights.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="names, roles and licences").set_defaults(handler=_list)
    actions.add_parser("verify", help="check every file's checksum").set_defaults(handler=_verify)
    fetch = actions.add_parser("fetch", help="download published files")
    fetch.add_argument("names", nargs="+", metavar="NAME", help=", ".join(fetchable()))
    fetch.add_argument("--to", type=Path, metavar="FOLDER",
        help="(default: where they are looked for; see poselift weights list)")  # fmt: skip
    fetch.set_defaults(handler=_fetch)


def print_states(states: Iterable[FileState], indent: str = "") -> bool:
    """Whether all are well."""
    well = True
    for state in states:
        if state.problem:
            well = False
            print(state.problem, file=sys.stderr)
        else:
            verdict = f"ok ({state.sha256[:12]}...)" if state.sha256 else "checksum not known"
            print(f"{indent}{state.name}: {verdict}")
    return well


def _list(asked: argparse.Namespace) -> int:
    for file, entry in manifest().items():
        print(f"{entry['name']:<15} {entry['role']:<9} {entry['licence']:<12} {entry['title']}")
        print(f"{'':<15} {file}")
    print("published by VideoPose3D: poselift weights fetch NAME")
    _print_published(published_files())
    print("published networks of other detectors: poselift weights fetch NAME")
    _print_published(detector_files())
    return 0


def _print_published(files: Mapping[str, Mapping[str, Any]]) -> None:
    for file, entry in files.items():
        path = place_of(file)
        here = "here" if path else "not here"
        print(f"{here:<15} {entry['role']:<9} {entry['licence']:<12} {entry['title']}")
        print(f"{'':<15} {path or file}")


def _verify(asked: argparse.Namespace) -> int:
    return 0 if print_states(chain(shipped_states(), fetched_states())) else 1


def _fetch(asked: argparse.Namespace) -> int:
    from poselift.pipeline.progress import progress_for
    from poselift.pipeline.weights.fetch_weights import fetch

    for name in asked.names:
        about(name)
    failed = 0
    for name in asked.names:
        entry = about(name)
        terms = f"{entry['licence']}, {LICENCES[entry['licence']]}"
        print(f"{name}: {entry['title']}. Licence: {terms}.", flush=True)
        try:
            file = fetch(name, asked.to or home_of(name), progress_for(unit="MB"))
        except PoseliftError as error:
            failed += 1
            print(f"poselift: {one_line(error)}", file=sys.stderr)
            continue
        if file.new:
            print(f"{file.path}: fetched; sha256 {file.sha256} is written down in {RECORD}")
        else:
            verdict = "unaltered" if file.sha256 else "unchecked"
            print(f"{file.path}: is there already, {verdict}")
    return 1 if failed else 0
