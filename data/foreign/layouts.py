"""Joint layouts of other tools -> COCO-17, as data (see layouts.toml)."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import FormatError, LayoutMismatch, UnknownName
from poselift.data.files.source_files import read_bounded
from poselift.data.files.toml_text import parse_toml
from poselift.data.foreign.clip import ForeignClip
from poselift.data.skeletons import COCO17

TABLE = Path(__file__).with_name("layouts.toml")
MAX_TABLE_BYTES = 1 << 20
MAX_JOINTS = 1024
# The lifter has learned to do without the face; a body without these is another skeleton.
NEEDED = tuple(j for j in COCO17.joints if not j.endswith(("nose", "eye", "ear")))
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}


@dataclass(frozen=True)
class ForeignLayout:
    """The joints of another tool, and which of them make COCO's.

    Args:
        joints: names in the file's order.
        extra: joints that follow and are not used.
        coco: COCO joint -> the joints whose mean it is; what is left out is missing.
        used_by: formats that mean this layout by the number of joints.
    """

    name: str
    joints: tuple[str, ...]
    coco: Mapping[str, tuple[str, ...]]
    extra: int = 0
    used_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises: LayoutMismatch: a joint is not there, or too few of COCO's are."""
        if len(set(self.joints)) != len(self.joints) or not 0 <= self.extra <= MAX_JOINTS:
            raise LayoutMismatch(f"layout '{self.name}': joints come twice, or extra is no count.")
        for joint, sources in self.coco.items():
            COCO17.index(joint)
            unknown = sorted(set(sources) - set(self.joints))
            if unknown or not sources:
                raise LayoutMismatch(
                    f"layout '{self.name}': {joint} is made of {', '.join(unknown) or 'nothing'}, "
                    f"which is none of its joints: {', '.join(self.joints)}."
                )
        if missing := [joint for joint in NEEDED if joint not in self.coco]:
            raise LayoutMismatch(
                f"layout '{self.name}' has no {', '.join(missing)} among {_listed(self.joints)}; "
                "a lifter for COCO keypoints needs shoulders, elbows, wrists, hips, knees and "
                "ankles. Say which joints they are in a .toml file and give it to --layout."
            )

    @property
    def num_joints(self) -> int:
        return len(self.joints) + self.extra

    @property
    def missing(self) -> tuple[str, ...]:
        """COCO's joints that do not come out of this layout."""
        return tuple(joint for joint in COCO17.joints if joint not in self.coco)

    def to_coco(self, points: np.ndarray) -> np.ndarray:
        """The COCO joints: a mean of several is as certain as the least certain of them.

        Args:
            points: (..., J, 3) x, y, confidence.
        Returns:
            (..., 17, 3); NaN where the layout has no such joint.
        """
        result = np.full((*points.shape[:-2], COCO17.num_joints, 3), np.nan)
        for joint, sources in self.coco.items():
            chosen = points[..., [self.joints.index(name) for name in sources], :]
            result[..., COCO17.index(joint), :2] = chosen[..., :2].mean(-2)
            result[..., COCO17.index(joint), 2] = chosen[..., 2].min(-1)
        return result


def layout_of(clip: ForeignClip, asked: str | None) -> ForeignLayout:
    """The layout of a clip: the one asked for, or what names, format and numbers settle.

    Args:
        asked: a name in layouts.toml or the path of such a table; None to find out.
    Raises: LayoutMismatch: it does not fit the file, or nothing settles it.
        UnknownName, FormatError: no such layout.
    """
    if asked is not None:
        return _fitted(layout_named(asked), clip)
    if clip.layout is not None:
        if clip.layout not in known_layouts():  # a file's word is a name, never a path
            raise LayoutMismatch(
                f"{clip.source}: says that its keypoints are '{clip.layout[:40]}', which is none "
                f"of {', '.join(known_layouts())}. Name the layout with --layout."
            )
        return _fitted(known_layouts()[clip.layout], clip)
    if clip.joints is not None:
        return _by_names(clip, clip.joints)
    usual = [layout for layout in known_layouts().values() if clip.format in layout.used_by]
    for layout in usual:
        if layout.num_joints == clip.num_joints:
            return layout
    known = [f"{layout.name} ({layout.num_joints})" for layout in usual]
    raise LayoutMismatch(
        f"{clip.source}: has {clip.num_joints} keypoints a person, and no layout of {clip.format} "
        f"has that many: {', '.join(known)}. Name the layout with --layout, or describe it in a "
        ".toml file."
    )


def layout_named(asked: str) -> ForeignLayout:
    """A layout of layouts.toml, or the one in a .toml file.

    Raises: UnknownName; FormatError, LayoutMismatch: the file is no layout.
    """
    if not asked.lower().endswith(".toml"):
        if asked not in known_layouts():
            raise UnknownName("layout", asked, [*known_layouts(), "or the path of a .toml file"])
        return known_layouts()[asked]
    path = Path(asked)
    if not path.is_file():
        raise FormatError(f"{path}: no such file. Give the .toml file of a layout.")
    try:
        about = parse_toml(read_bounded(path, MAX_TABLE_BYTES).decode())
        return _layout(path.stem, about)
    except (ValueError, TypeError) as error:
        raise FormatError(
            f"{path}: not a layout ({error}). It needs joints = [...] and perhaps a table [coco]; "
            "see INFERENCE.md."
        ) from error
    except (LayoutMismatch, UnknownName) as error:
        raise LayoutMismatch(f"{path}: {error}") from None


@functools.cache
def known_layouts() -> dict[str, ForeignLayout]:
    """The layouts of layouts.toml by name."""
    table = parse_toml(TABLE.read_text(encoding="utf-8"))
    return {name: _layout(name, about) for name, about in table.items()}


def joint_named(name: str) -> str | None:
    """COCO's name of a joint that is called `LShoulder`, `shoulder_left`, `R.Knee`, ...

    Nothing but a side and a part of the body counts: `left_eye_inner` is no eye.
    """
    words = [w.lower() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name[:80])]
    if len(words) == 1 and words[0][0] in "lr":
        words = [words[0][0], words[0][1:]]
    if words == ["nose"]:
        return "nose"
    if len(words) != 2:
        return None
    for side, part in (words, words[::-1]):
        joint = f"{_SIDES.get(side, '')}_{part}"
        if joint in COCO17.joints and not (joint == "right_ear" and name.lower() == "rear"):
            return joint
    return None


def _by_names(clip: ForeignClip, names: Sequence[str]) -> ForeignLayout:
    """The layout that a file's own joint names make, or the known one that has all of them."""
    coco: dict[str, tuple[str, ...]] = {}
    for name in names:
        joint = joint_named(name)
        if joint in coco:
            raise LayoutMismatch(
                f"{clip.source}: both {coco[joint][0]} and {name} may be the {joint}. Say which in "
                "a .toml file and give it to --layout."
            )
        if joint is not None:
            coco[joint] = (name,)
    for layout in known_layouts().values():
        used = {name for sources in layout.coco.values() for name in sources}
        if not set(NEEDED) <= set(coco) and used <= set(names):
            return _fitted(layout, clip)
    try:
        return ForeignLayout("by names", tuple(names), coco)
    except LayoutMismatch as error:
        raise LayoutMismatch(f"{clip.source}: {error}") from None


def _fitted(layout: ForeignLayout, clip: ForeignClip) -> ForeignLayout:
    """The layout for this file: by its names where it has them, else by number.

    Raises: LayoutMismatch.
    """
    if clip.joints is None:
        if layout.num_joints != clip.num_joints:
            raise LayoutMismatch(
                f"{clip.source}: has {clip.num_joints} keypoints a person, but layout "
                f"'{layout.name}' has {layout.num_joints}. Choose the layout of the model that "
                "made them."
            )
        return layout
    plain = {_plain(name): name for name in clip.joints}
    used = {name for sources in layout.coco.values() for name in sources}
    if absent := sorted(name for name in used if _plain(name) not in plain):
        raise LayoutMismatch(
            f"{clip.source}: has no {', '.join(absent)}, which layout '{layout.name}' needs; its "
            f"joints are {_listed(clip.joints)}. Choose another layout."
        )
    coco = {j: tuple(plain[_plain(name)] for name in names) for j, names in layout.coco.items()}
    return ForeignLayout(layout.name, clip.joints, coco)


def _layout(name: str, about: Mapping[str, Any]) -> ForeignLayout:
    """Raises: TypeError: not such a table. LayoutMismatch, UnknownName: it cannot be."""
    joints = _names("joints", about.get("joints"))
    rules, extra = about.get("coco", {}), about.get("extra", 0)
    if not isinstance(rules, dict) or type(extra) is not int:
        raise TypeError("coco is no table, or extra no number")
    coco: dict[str, tuple[str, ...]] = {j: (j,) for j in COCO17.joints if j in joints}
    for joint, sources in rules.items():
        sources = [sources] if isinstance(sources, str) else sources
        coco[joint] = _names(f"coco.{joint}", sources)
    used_by = _names("used_by", about["used_by"]) if about.get("used_by") else ()
    return ForeignLayout(name, joints, coco, extra, used_by)


def _names(what: str, value: Any) -> tuple[str, ...]:
    """Raises: TypeError: no list of names."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_JOINTS:
        raise TypeError(f"{what} is no list of names")
    if not all(isinstance(name, str) and name for name in value):
        raise TypeError(f"{what} holds what is no name")
    return tuple(value)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name[:40] for name in names[:40]) + (", ..." if len(names) > 40 else "")
