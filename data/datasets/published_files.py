"""Where the files that Poselift does not ship come from, for messages that help."""

from __future__ import annotations

from pathlib import Path

from poselift.data.errors import FormatError

SITE = "https://dl.fbaipublicfiles.com/video-pose-3d/"
PUBLISHED = frozenset(
    {
        "pretrained_h36m_cpn.bin",
        "pretrained_humaneva15_detectron.bin",
        "pretrained_h36m_detectron_coco.bin",
        "data_2d_h36m_cpn_ft_h36m_dbb.npz",
        "data_2d_h36m_detectron_ft_h36m.npz",
        "data_2d_h36m_detectron_pt_coco.npz",
        "data_2d_humaneva15_detectron_pt_coco.npz",
    }
)
# The first prefix that fits says which command makes such a file.
COMMANDS = {
    "data_3d_h36m": "data/prepare_data_h36m.py --from-source-cdf FOLDER",
    "data_2d_h36m_gt": "data/prepare_data_h36m.py --from-source-cdf FOLDER",
    "data_2d_h36m_sh": "data/prepare_data_2d_h36m_sh.py -pt FOLDER",
    "data_2d_h36m_": "data/prepare_data_2d_h36m_generic.py -i FOLDER -o NAME",
    "data_3d_humaneva": "data/prepare_data_humaneva.py -p FOLDER --convert-3d",
    "data_2d_humaneva15_gt": "data/prepare_data_humaneva.py -p FOLDER --convert-3d",
    "data_2d_humaneva20_gt": "data/prepare_data_humaneva.py -p FOLDER --convert-3d",
    "data_2d_humaneva": "data/prepare_data_humaneva.py -p FOLDER --convert-2d FOLDER -o NAME",
    "data_2d_custom_": "data/prepare_data_2d_custom.py -i FOLDER -o NAME",
}


def check_present(path: Path) -> None:
    """Raises: FormatError: no such file; the message says where to get it."""
    if not path.is_file():
        raise FormatError(f"{path}: no such file. {where_from(path)}")


def where_from(path: Path) -> str:
    """How to get a file to this place, as a sentence or two."""
    name, ways = path.name, []
    if name in PUBLISHED:
        fetch = f"poselift weights fetch {name} --to {path.parent}"
        ways.append(f"Get it (CC BY-NC): {fetch}, or {SITE}{name} by hand.")
    for prefix, command in COMMANDS.items():
        if name.startswith(prefix):
            kind = "Or make" if ways else "Make"
            ways.append(f"{kind} it: python {command} (see DATASETS.md).")
            break
    return " ".join(ways) or "Check the name and the folder."
