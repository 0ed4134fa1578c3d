"""How long the program takes before it does anything, beside Python alone.

    python benchmarks/startup.py

Prints one JSON line per figure: medians of whole processes, seconds, and how many times an empty
Python's they are.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CASES = {
    "python alone": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import poselift": ["-c", "import poselift"],
    "poselift --version": ["-m", "poselift", "--version"],
    "poselift --help": ["-m", "poselift", "--help"],
    "poselift weights list": ["-m", "poselift", "weights", "list"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="of each, in turn (default: 7)")
    runs = parser.parse_args().runs
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    for count in range(runs + 1):
        for name, arguments in CASES.items():
            took = _timed(arguments)
            if count:  # the first fills the caches of the system
                seconds[name].append(took)
    alone = statistics.median(seconds["python alone"])
    for name, times in seconds.items():
        median = statistics.median(times)
        figure = {"figure": name, "seconds": round(median, 3), "ratio": round(median / alone, 2)}
        print(json.dumps(figure | {"runs": runs}))


def _timed(arguments: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
