"""How far lifters are from the truth on held-out motion capture under unknown cameras.

    python benchmarks/accuracy.py ARCHIVE... [--lifter NAME]... [--views 1024]
                                  [--test-clips FILE] [--every N] [--straight-limbs] [--markdown]

Every lifter (the default one unless --lifter says otherwise) sees the same views of the test
clips, with exact, noisy and gappy keypoints, exact ones of rolled cameras and tilted bodies,
and of the bodies as captured, through the Lifter of the main job. One JSON line for each
lifter and condition, then for each group of clips and each range of the camera's pitch and
roll and of the body's tilt; `ratio` is P-MPJPE against the first lifter's. Last come people
who stand straight, from eight sides at three heights (pipeline/mocap/standing_bodies.py).
--straight-limbs calibrates the clips as the training does. --markdown prints the tables of
the model cards instead. Metrics and conditions: pipeline/mocap/evaluate_mocap.py.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

from poselift.data.archives.joints_archive import JointsClip, load_joints, split_clips  # noqa: E402
from poselift.data.mocap.limb_calibration import straight_limbs  # noqa: E402
from poselift.models.lifters import open_lifter  # noqa: E402
from poselift.models.registry import DEFAULT_LIFTER  # noqa: E402
from poselift.pipeline.mocap.evaluate_mocap import CONDITIONS, ViewErrors, judge, means  # noqa: E402
from poselift.pipeline.mocap.standing_bodies import judge_standing  # noqa: E402

# The conditions whose errors are shown in parts, and the parts.
CUT_UP = ("exact", "rolled", "tilted", "noisy")
RANGES = {
    "pitch": (-90, -15, 0, 15, 30, 90),
    "roll": (0, 10, 20, 30, 60, 180),
    "tilt": (0, 15, 30, 60, 180),
}
METRICS = {
    "mpjpe_mm": "MPJPE",
    "p_mpjpe_mm": "P-MPJPE",
    "n_mpjpe_mm": "N-MPJPE",
    "arms_mm": "arms",
    "legs_mm": "legs",
    "trunk_mm": "trunk",
    "knees_degrees": "knees",
    "elbows_degrees": "elbows",
    "velocity_mm": "velocity",
    "acceleration_mm": "acceleration",
    "jitter_mm": "jitter",
    "trajectory_percent": "trajectory",
    "gravity_degrees": "gravity",
}
PARTS = ("p_mpjpe_mm", "gravity_degrees")
STANDING = ("knees", "elbows", "gravity")

Row = dict[str, Any]


def rows(lifter: str, clips: list[JointsClip], views: int) -> Iterator[Row]:
    """All figures of one lifter: over everything, in parts, and of people who stand."""
    weights, _ = open_lifter(lifter)
    about = {"benchmark": "accuracy", "lifter": weights.name}
    for name, condition in CONDITIONS.items():
        seen = judge(weights, clips, condition, views=views)
        yield about | {"keypoints": name, "of": "all"} | _figures(seen)
        for part, chosen in _parts(seen) if name in CUT_UP else ():
            yield about | {"keypoints": name, "of": part} | _figures(chosen)
    standing = judge_standing(weights)
    sides = {"all sides": standing, "front": [view for view in standing if view.side == 0]}
    for part, those in sides.items():
        mean = {name: sum(getattr(v, name) for v in those) / len(those) for name in STANDING}
        rounded = {f"{name}_degrees": round(value, 2) for name, value in mean.items()}
        yield about | {"keypoints": "standing", "of": part, "views": len(those)} | rounded


def _parts(seen: list[ViewErrors]) -> Iterator[tuple[str, list[ViewErrors]]]:
    for group in sorted({view.group for view in seen}):
        yield group, [view for view in seen if view.group == group]
    for name, bounds in RANGES.items():
        for low, high in itertools.pairwise(bounds):
            chosen = [view for view in seen if low <= getattr(view, name) < high]
            if chosen:
                yield f"{name} {low} to {high}", chosen


def _figures(views: list[ViewErrors]) -> Row:
    return {"views": len(views)} | {k: round(v, 2) for k, v in means(views).items()}


def markdown(table: list[Row]) -> str:
    """Everything, people who stand, and each part with the lifters side by side."""
    lifters = list(dict.fromkeys(row["lifter"] for row in table))
    whole = [row for row in table if row["of"] == "all"]
    lines = _table(
        ("lifter", "keypoints", *METRICS.values()),
        ([r["lifter"], r["keypoints"], *(r.get(metric, "") for metric in METRICS)] for r in whole),
    )
    standing = [row for row in table if row["keypoints"] == "standing"]
    lines += _table(
        ("lifter", "standing straight, seen from", *(f"{name} (degrees)" for name in STANDING)),
        ([r["lifter"], r["of"], *(r[f"{name}_degrees"] for name in STANDING)] for r in standing),
    )
    cells = {(row["lifter"], row["keypoints"], row["of"]): row for row in table}
    columns = list(itertools.product(CUT_UP, lifters))
    parts = dict.fromkeys(r["of"] for r in table if r["keypoints"] in CUT_UP and r["of"] != "all")
    lines += _table(
        ("P-MPJPE (mm) / gravity (degrees)", *(f"{name}, {lifter}" for name, lifter in columns)),
        (
            [part, *(_cell(cells.get((lifter, name, part), {})) for name, lifter in columns)]
            for part in parts
        ),
    )
    return "\n".join(lines[:-1])


def _cell(row: Row) -> str:
    return " / ".join(str(row.get(metric, "")) for metric in PARTS) if row else ""


def _table(heads: Iterable[str], body: Iterable[Iterable[Any]]) -> list[str]:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *body]
    return [f"| {' | '.join(map(str, line))} |" for line in lines] + [""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archives", nargs="+", type=Path, help="joints archives (DATASETS.md)")
    parser.add_argument("--lifter", action="append", help="name or path; may be repeated")
    parser.add_argument("--views", type=int, default=1024)
    parser.add_argument(
        "--test-clips",
        type=Path,
        default=ROOT / "data" / "mocap" / "cmu_test_clips.txt",
        help="names of the held-out clips",
    )
    parser.add_argument("--every", type=int, help="in place of --test-clips: every Nth clip")
    parser.add_argument("--straight-limbs", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    asked = parser.parse_args()
    clips = [clip for path in asked.archives for clip in load_joints(path)]
    if asked.every:
        clips = clips[:: asked.every]
    else:
        clips = split_clips(clips, asked.test_clips.read_text().split())[1]
    if asked.straight_limbs:
        clips = straight_limbs(clips)
    table: list[Row] = []
    for lifter in asked.lifter or [DEFAULT_LIFTER]:
        for row in rows(lifter, clips, asked.views):
            table.append(row)
            first = next(r for r in table if all(r[k] == row[k] for k in ("keypoints", "of")))
            if "p_mpjpe_mm" in row:
                row["ratio"] = round(row["p_mpjpe_mm"] / first["p_mpjpe_mm"], 3)
            if not asked.markdown:
                print(json.dumps(row), flush=True)
    if asked.markdown:
        print(markdown(table))


if __name__ == "__main__":
    main()
