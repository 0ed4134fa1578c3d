"""The documents name every flag and no file that is not there."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

import pytest
from conftest import ROOT

from poselift.pipeline.command_line import parser
from poselift.pipeline.flags.reference_flags import parser as run_parser

DOCUMENTS = sorted(path.name for path in ROOT.glob("*.md"))


def options(top: argparse.ArgumentParser) -> Iterator[str]:
    """Every option string of a parser and the commands below it."""
    for action in top._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from options(command)


def test_every_flag_is_documented() -> None:
    text = (ROOT / "DOCUMENTATION.md").read_text()
    named = set(re.findall(r"(?<![\w-])-{1,2}[a-zA-Z][\w-]*", text))
    wanted = {*options(parser()), *options(run_parser())} - {"-h", "--help"}
    assert not wanted - named


@pytest.mark.parametrize("document", DOCUMENTS)
def test_linked_and_named_files_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    scripts = re.findall(r"python (?:-m )?((?:data|inference|benchmarks)/\w+\.py|run\.py)", text)
    assert not [name for name in (*links, *scripts) if not (ROOT / name).exists()]
