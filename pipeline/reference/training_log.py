"""What a training tells: the reference's line, a line of JSON, and curves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poselift.data.errors import MissingDependency
from poselift.data.files.file_kinds import FileKind, is_log_of
from poselift.data.files.whole_file import check_writable, whole_file

# The curves: file name -> (label of the axis, factor, name of the loss).
CURVES = {
    "loss_3d.png": ("MPJPE (mm)", 1000, "3d"),
    "loss_traj.png": ("trajectory error (mm)", 1000, "trajectory"),
    "loss_2d.png": ("2D error (screen units)", 1, "2d"),
}
_MAKER = {"Software": "Poselift"}
LOG_FILE = FileKind("the log of a training", (), is_log_of("epoch"))
CURVE_FILE = FileKind(
    "a training's curve", (".png",), lambda path: b"Software\0Poselift" in path.read_bytes()[:4096]
)
PARTS = {"train": "training", "eval": "training, evaluated", "valid": "validation",
         "unlabelled": "unlabelled, evaluated"}  # fmt: skip


def epoch_line(entry: Mapping[str, Any]) -> str:
    """One epoch as the reference prints it; scripts read these.

    Args:
        entry: epoch, minutes, lr, train and, if evaluated, eval, valid and unlabelled:
            each {"3d", "trajectory", "2d"} in metres and screen units.
    """
    values = {"time": f"{entry['minutes']:.2f}", "lr": f"{entry['lr']:f}"}
    values["3d_train"] = _mm(entry["train"], "3d")
    if "eval" in entry:
        evaluated, valid = entry["eval"], entry["valid"]
        values["3d_eval"] = _mm(evaluated, "3d")
        if "unlabelled" in entry:
            values["traj_eval"] = _mm(evaluated, "trajectory")
        values["3d_valid"] = _mm(valid, "3d")
        if "unlabelled" in entry:
            values["traj_valid"] = _mm(valid, "trajectory")
            values["2d_train_sup"] = _plain(evaluated, "2d")
            values["2d_train_unsup"] = _plain(entry["unlabelled"], "2d")
            values["2d_valid"] = _plain(valid, "2d")
    return f"[{entry['epoch']}] " + " ".join(f"{name} {value}" for name, value in values.items())


class TrainingLog:
    """`log.jsonl` beside the checkpoints, and the curves drawn from it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.jsonl"

    def check_writable(self, *, curves: bool) -> None:
        """Raises: OutputError: something else is there."""
        check_writable(self.path, LOG_FILE)
        for name in CURVES if curves else ():
            check_writable(self.path.parent / name, CURVE_FILE)

    def begin(self, after_epoch: int) -> None:
        """Keep the entries of epochs that count; the later ones will come again."""
        kept = [entry for entry in self.entries() if entry["epoch"] <= after_epoch]
        self._write(kept)

    def add(self, entry: Mapping[str, Any]) -> None:
        self._write([*self.entries(), dict(entry)])

    def entries(self) -> list[dict[str, Any]]:
        """One per epoch; a line that broke off is left out."""
        if not self.path.is_file():
            return []
        found = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and isinstance(entry.get("epoch"), int):
                found.append(entry)
        return found

    def draw_curves(self) -> None:
        """Write CURVES beside the log. Raises: MissingDependency, OutputError."""
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingDependency(
                "training curves need matplotlib. Install it: pip install matplotlib"
            ) from error
        entries = self.entries()
        for name, (label, factor, loss) in CURVES.items():
            figure = Figure(figsize=(7, 4.5), layout="constrained")
            axes = figure.subplots()
            for part, title in PARTS.items():
                known = [e for e in entries if loss in e.get(part, {})]
                if known:
                    heights = [e[part][loss] * factor for e in known]
                    axes.plot([e["epoch"] for e in known], heights, label=title)
            if not axes.lines:
                continue
            axes.set(xlabel="epoch", ylabel=label)
            axes.legend()
            with whole_file(self.path.parent / name) as part_file:
                figure.savefig(part_file, format="png", metadata=_MAKER)

    def _write(self, entries: list[dict[str, Any]]) -> None:
        with whole_file(self.path) as part:
            part.write_text("".join(json.dumps(e) + "\n" for e in entries), encoding="utf-8")


def _mm(losses: Mapping[str, float], name: str) -> str:
    return f"{losses.get(name, float('nan')) * 1000:f}"


def _plain(losses: Mapping[str, float], name: str) -> str:
    return f"{losses.get(name, float('nan')):f}"
