"""How far lifters are from the truth on held-out motion capture under unknown cameras.

    python benchmarks/accuracy.py ARCHIVE... [--lifter NAME]... [--views 1024]
                                  [--test-clips FILE] [--every N] [--markdown]

Every lifter (the default one and the one before it unless --lifter says otherwise) sees the
same views of the test clips, with exact, noisy and gappy keypoints, and exact ones of the
bodies as captured, through the Lifter of the main job. One JSON line for each lifter and
condition, then for each group of clips and each range of camera pitch (exact and noisy);
`ratio` is P-MPJPE against the first lifter's. --markdown prints the tables of the model cards
instead. Metrics and conditions: pipeline/mocap/evaluate_mocap.py.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

from poselift.data.archives.joints_archive import JointsClip, load_joints, split_clips  # noqa: E402
from poselift.models.lifters import open_lifter  # noqa: E402
from poselift.models.registry import DEFAULT_LIFTER  # noqa: E402
from poselift.pipeline.mocap.evaluate_mocap import CONDITIONS, ViewErrors, judge, means  # noqa: E402

PREVIOUS_LIFTER = "cmu27v3"
CUT_UP = ("exact", "noisy")  # the conditions whose errors are shown by group and pitch
PITCHES = (-90, -15, 0, 15, 30, 90)
METRICS = {
    "mpjpe_mm": "MPJPE",
    "p_mpjpe_mm": "P-MPJPE",
    "n_mpjpe_mm": "N-MPJPE",
    "velocity_mm": "velocity",
    "acceleration_mm": "acceleration",
    "jitter_mm": "jitter",
    "trajectory_percent": "trajectory",
    "gravity_degrees": "gravity",
}

Row = dict[str, Any]


def rows(lifter: str, clips: list[JointsClip], views: int) -> Iterator[Row]:
    """All figures of one lifter: over everything, by group of clips and by pitch."""
    weights, _ = open_lifter(lifter)
    for name, condition in CONDITIONS.items():
        seen = judge(weights, clips, condition, views=views)
        about = {"benchmark": "accuracy", "lifter": weights.name, "keypoints": name}
        yield about | {"of": "all"} | _figures(seen)
        if name not in CUT_UP:
            continue
        for group in sorted({view.group for view in seen}):
            yield about | {"of": group} | _figures([v for v in seen if v.group == group])
        for low, high in itertools.pairwise(PITCHES):
            chosen = [view for view in seen if low <= view.pitch < high]
            yield about | {"of": f"pitch {low} to {high}"} | _figures(chosen)


def _figures(views: list[ViewErrors]) -> Row:
    return {"views": len(views)} | {k: round(v, 2) for k, v in means(views).items()}


def markdown(table: list[Row]) -> str:
    """One table of everything, one by group and pitch with the lifters side by side."""
    lifters = list(dict.fromkeys(row["lifter"] for row in table))
    lines = [f"| lifter | keypoints | {' | '.join(METRICS.values())} |"]
    lines.append("|---" * (len(METRICS) + 2) + "|")
    for row in table:
        if row["of"] == "all":
            figures = " | ".join(str(row.get(metric, "")) for metric in METRICS)
            lines.append(f"| {row['lifter']} | {row['keypoints']} | {figures} |")
    heads = [f"{name} {keypoints}" for name in lifters for keypoints in CUT_UP]
    lines += ["", f"| MPJPE / P-MPJPE (mm) | {' | '.join(heads)} |"]
    lines.append("|---" * (len(heads) + 1) + "|")
    for part in dict.fromkeys(row["of"] for row in table if row["of"] != "all"):
        cells = [
            f"{row.get('mpjpe_mm', '')} / {row.get('p_mpjpe_mm', '')}"
            for name in lifters
            for keypoints in CUT_UP
            for row in table
            if (row["lifter"], row["keypoints"], row["of"]) == (name, keypoints, part)
        ]
        lines.append(f"| {part} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archives", nargs="+", type=Path, help="joints archives (DATASETS.md)")
    parser.add_argument("--lifter", action="append", help="name or path; may be repeated")
    parser.add_argument("--views", type=int, default=1024)
    parser.add_argument(
        "--test-clips",
        type=Path,
        default=ROOT / "data" / "cmu_test_clips.txt",
        help="names of the held-out clips",
    )
    parser.add_argument("--every", type=int, help="in place of --test-clips: every Nth clip")
    parser.add_argument("--markdown", action="store_true")
    asked = parser.parse_args()
    clips = [clip for path in asked.archives for clip in load_joints(path)]
    if asked.every:
        clips = clips[:: asked.every]
    else:
        clips = split_clips(clips, asked.test_clips.read_text().split())[1]
    table: list[Row] = []
    for lifter in asked.lifter or [DEFAULT_LIFTER, PREVIOUS_LIFTER]:
        for row in rows(lifter, clips, asked.views):
            table.append(row)
            first = next(r for r in table if all(r[k] == row[k] for k in ("keypoints", "of")))
            row["ratio"] = round(row["p_mpjpe_mm"] / first["p_mpjpe_mm"], 3)
            if not asked.markdown:
                print(json.dumps(row), flush=True)
    if asked.markdown:
        print(markdown(table))


if __name__ == "__main__":
    main()
