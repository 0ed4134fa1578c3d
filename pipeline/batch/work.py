"""What a worker does with a clip, and what is made once for all that it gets."""

from __future__ import annotations

import importlib
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from poselift.data.progress import Progress
from poselift.pipeline.batch.outcome import Clip, Outcome, done, failed, line_of
from poselift.pipeline.clip.settings import RunSettings


@dataclass(frozen=True)
class Kind:
    """What kind of work it is, for processes on any machine.

    Args:
        opener: `module:function`, which gives the Work for the settings.
        settings: what it is given; must pickle.
        debug: show where errors came from.
    """

    opener: str
    settings: Any
    debug: bool = False


class Work(Protocol):
    """What a process can do once everything is loaded.

    Attributes:
        key: of all that shapes a clip's results but the clip.
    """

    key: str

    def run(self, clip: Clip, progress: Progress) -> Outcome:
        """Whatever becomes of the clip, this comes back."""
        ...


def opened(kind: Kind, cores: int) -> Work:
    """The work, loaded. Raises: PoseliftError: it cannot be done at all."""
    module, _, name = kind.opener.partition(":")
    work: Work = getattr(importlib.import_module(module), name)(
        kind.settings, cores, debug=kind.debug
    )
    return work


def clips_work(settings: RunSettings, *, debug: bool = False) -> Kind:
    return Kind("poselift.pipeline.batch.work:ClipWork", settings, debug)


class ClipWork:
    """Runs clips; detectors and lifter are made once."""

    def __init__(self, settings: RunSettings, cores: int, *, debug: bool = False) -> None:
        """`cores`: what this process should use. Raises: PoseliftError: see Networks."""
        import cv2
        import torch

        from poselift.pipeline.clip.networks import Networks

        torch.set_num_threads(cores)
        cv2.setNumThreads(cores)
        self.debug = debug
        self.networks = Networks(settings, cores)
        self.key = self.networks.key

    def run(self, clip: Clip, progress: Progress) -> Outcome:
        from poselift.pipeline.batch.addresses import is_address
        from poselift.pipeline.batch.remote import fetched, known_remote, sent

        source, folder, known = Path(clip.source), Path(clip.place), None
        told = {}
        try:
            with ExitStack() as stack:
                if is_address(clip.source):
                    known = known_remote(clip.source)
                    source = stack.enter_context(fetched(clip.source))
                    told[str(source)] = clip.source
                if is_address(clip.out):
                    folder = stack.enter_context(sent(clip.place))
                    told[str(folder)] = clip.place
                return self._run(clip, source, folder, known, progress)
        except Exception as error:
            if self.debug:
                traceback.print_exc()
            line = line_of(clip.source, error)
            for here, there in told.items():
                line = line.replace(here, there)
            return failed(clip, line)

    def _run(
        self, clip: Clip, source: Path, folder: Path, known: Any, progress: Progress
    ) -> Outcome:
        from poselift.pipeline.batch.addresses import is_address
        from poselift.pipeline.batch.remote import remote_labels
        from poselift.pipeline.clip.run_clip import FolderTaken, run_clip
        from poselift.pipeline.folders.clip_folders import LocalShelf, assigned, labels_of
        from poselift.pipeline.folders.folder_record import FolderRecord
        from poselift.pipeline.folders.stage_cache import receipt_of

        labels = remote_labels(clip.source) if known else labels_of(source)
        while True:
            try:
                result = run_clip(source, folder, self.networks, progress, known)
            except FolderTaken:  # another run was there first
                if is_address(clip.out):
                    raise
                folder = folder.parent / assigned([labels], LocalShelf(folder.parent))[labels.path]
                continue
            receipt = receipt_of(FolderRecord(folder))
            seconds = receipt.seconds if receipt else sum(result.summary["seconds"].values())
            frames, people = len(result.tracks.timeline), len(result.tracks.people)
            return done(clip, folder.name, round(seconds, 3), frames, people)
