"""Work for processes that is over at once, or ends as the clip's name says."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from poselift.data.errors import PoseliftError
from poselift.data.progress import Progress
from poselift.pipeline.batch.outcome import Clip, Outcome, done, failed
from poselift.pipeline.batch.work import Kind


def fake_kind(**settings: Any) -> Kind:
    return Kind("fake_work:FakeWork", tuple(settings.items()))


class FakeWork:
    """`frames` of an outcome is the process, `people` the cores that it was given."""

    key = "fake"

    def __init__(self, settings: tuple, cores: int, *, debug: bool = False) -> None:
        self.settings, self.cores = dict(settings), cores
        time.sleep(self.settings.get("loading_s", 0))
        if self.settings.get("unusable"):
            raise PoseliftError("no such network. Fetch it.")
        if self.settings.get("stillborn"):
            os._exit(7)

    def run(self, clip: Clip, progress: Progress) -> Outcome:
        what = clip.name.partition(".")[0].partition("_")[0]
        progress.begin(clip.name, "detect", 10)
        progress.say(f"{clip.name} begins")
        if what == "exits":
            os._exit(9)
        if what == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "once":
            mark = Path(clip.source).with_suffix(".tried")
            if not mark.exists():
                mark.touch()
                os._exit(9)
        if what == "hangs":  # in foreign code, which hears no signal
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            time.sleep(600)
        if what == "fails":
            return failed(clip, f"{clip.name}: is broken")
        if what == "slow":
            try:
                time.sleep(60)
            finally:
                Path(clip.source).with_suffix(".cleared").touch()
        time.sleep(self.settings.get("takes_s", 0))
        progress.advance(10)
        progress.end()
        return done(clip, clip.folder, 0.5, os.getpid(), self.cores)
