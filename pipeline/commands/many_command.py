"""Many clips: the flags of `poselift run` that share and spread them, and `poselift manifest`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poselift.data.errors import one_line
from poselift.data.structures import count_of
from poselift.pipeline.clip.settings import RunSettings
from poselift.pipeline.commands.show_commands import renew_index
from poselift.pipeline.flags.flag_values import positive

if TYPE_CHECKING:
    from poselift.pipeline.batch.many import Place
    from poselift.pipeline.batch.outcome import Outcome


# Of more clips an index is made when it is asked for.
MOST_INDEXED = 5000


def add_many(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="clips at work at once, in processes (default: 1)",
    )
    command.add_argument(
        "--clip-timeout", type=_seconds, metavar="S", help="end a clip that takes longer (seconds)"
    )
    command.add_argument(
        "--shard", type=_shard, metavar="I/N", help="only the I-th of N shares of the clips"
    )
    command.add_argument(
        "--ray", metavar="ADDRESS", help="run on a Ray cluster: its address, auto or local"
    )
    command.add_argument(
        "--ray-cpus", type=_amount, metavar="N", help="of a node, for each clip (default: 1)"
    )
    command.add_argument(
        "--ray-gpus",
        type=_amount,
        metavar="N",
        help="of a node, for each clip; 0.25 say (default: 0)",
    )


def is_many(asked: argparse.Namespace) -> bool:
    """Whether a flag or an address asks for more than one clip after the other, here."""
    from poselift.pipeline.batch.addresses import is_address

    flags = (asked.jobs, asked.clip_timeout, asked.shard, asked.ray)
    return any(flags) or any(map(is_address, (*asked.inputs, asked.output)))


def check_many(asked: argparse.Namespace, command: argparse.ArgumentParser) -> None:
    """Flags that do not go together end the program."""
    if asked.ray is None and (asked.ray_cpus is not None or asked.ray_gpus is not None):
        command.error("--ray-cpus and --ray-gpus need --ray")
    if asked.ray is not None and asked.jobs is not None:
        command.error("--jobs is for this machine: a cluster has its own (--ray-cpus)")


def run_many_clips(asked: argparse.Namespace, settings: RunSettings) -> int:
    from poselift.pipeline.batch.addresses import joined
    from poselift.pipeline.batch.manifest import check_manifest, manifest_name
    from poselift.pipeline.batch.many import run_plan
    from poselift.pipeline.batch.plan import plan_of
    from poselift.pipeline.batch.view import view_for
    from poselift.pipeline.batch.work import clips_work

    quiet = asked.quiet or asked.json
    plan = plan_of(asked.inputs, asked.output, asked.shard)
    check_manifest(asked.output, asked.shard)
    counts = {"done": 0, "reused": 0, "failed": 0}
    view, kind = view_for(quiet=quiet), clips_work(settings, debug=asked.debug)
    for outcome in run_plan(plan, asked.output, settings, _place(asked), asked.shard, view, kind):
        counts["reused" if outcome.reused else outcome.state] += 1
        _tell(outcome, asked)
    done = counts["done"] + counts["reused"]
    total = done + counts["failed"]
    if asked.shard is None and total <= MOST_INDEXED:
        renew_index(asked.output, {}, several=total > 1)
    if not quiet:
        where = joined(asked.output, manifest_name(asked.shard))
        told = f"{count_of(done, 'clip')} done ({counts['reused']} up to date)"
        print(one_line(f"{told}, {counts['failed']} failed -> {where}"), flush=True)
    if counts["failed"] and total > 1:
        print(f"poselift: {counts['failed']} of {total} inputs failed", file=sys.stderr)
    return 1 if counts["failed"] else 0


def _place(asked: argparse.Namespace) -> Place:
    if asked.ray is None:
        from poselift.pipeline.batch.processes import Local

        return Local(asked.jobs or 1, asked.clip_timeout)
    from poselift.pipeline.batch.ray_cluster import RayCluster

    cpus = 1.0 if asked.ray_cpus is None else asked.ray_cpus
    return RayCluster(asked.ray, cpus, asked.ray_gpus or 0.0, asked.clip_timeout)


def _tell(outcome: Outcome, asked: argparse.Namespace) -> None:
    if outcome.state == "failed":
        print(f"poselift: {one_line(outcome.error)}", file=sys.stderr, flush=True)
    elif asked.json:
        print(json.dumps(outcome.summary()), flush=True)
    elif not (asked.quiet or outcome.reused):
        summary = outcome.summary()
        for line in (
            *findings(outcome.clip, summary),
            line_of_clip(outcome.clip, summary, outcome.overlay() or outcome.place),
        ):
            print(one_line(line), flush=True)


def line_of_clip(name: str, summary: dict[str, Any], where: object) -> str:
    """What was found, how long it took, and where it lies."""
    seconds = sum(summary["seconds"].values())
    people = count_of(len(summary["people"]), "person")
    what = f"{count_of(summary['frames'], 'frame')}, {people}"
    reused = " (up to date)" if len(summary["reused"]) == len(summary["seconds"]) else ""
    return one_line(f"{name}: {what}, {seconds:.1f} s{reused} -> {where}")


def findings(name: str, summary: dict[str, Any]) -> list[str]:
    """A line for the camera, and for each person of whom something is to be doubted."""
    camera = [f"{name}: {text}" for text in summary["camera"]["findings"]]
    return camera + [
        f"{name}: person {person['id']}: "
        + "; ".join(found["text"] for found in person["findings"])
        for person in summary["people"]
        if person["findings"]
    ]


def add_manifest(commands: Any) -> None:
    command = commands.add_parser(
        "manifest",
        help="what became of every clip of a run in shares",
        description="Put the manifests of all shares in OUT together as OUT/manifest.jsonl.",
    )
    command.add_argument("output", metavar="OUT", type=Path, help="the -o of the runs")
    command.set_defaults(handler=_manifest)


def _manifest(asked: argparse.Namespace) -> int:
    from poselift.pipeline.batch.manifest import missing_parts, read_manifest, write_manifest

    rows = read_manifest(asked.output)
    place = write_manifest(str(asked.output), rows)
    counts = dict.fromkeys(("done", "failed", "pending"), 0)
    for row in rows:
        counts[row["state"]] += 1
    told = ", ".join(f"{count} {state}" for state, count in counts.items())
    print(one_line(f"{place}: {count_of(len(rows), 'clip')}, {told}"))
    missing = missing_parts(asked.output)
    if missing:
        print(
            f"poselift: {len(missing)} of the shares have no manifest yet: {', '.join(missing[:8])}"
            + (", ..." if missing[8:] else ""),
            file=sys.stderr,
        )
    return 1 if missing else 0


def _shard(text: str) -> Any:
    from poselift.pipeline.batch.shards import shard_of

    try:
        return shard_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seconds(text: str) -> float:
    value = _amount(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"seconds above 0, not '{text}'")
    return value


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"a number from 0, not '{text}'")
    return value
