"""The temporal network: its twins agree, it sees what it should, and its files hold it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from poselift.data.errors import FormatError
from poselift.data.skeletons import COCO17, H36M17
from poselift.models.reference_checkpoints import architecture_of, load_reference_checkpoint
from poselift.models.temporal import Architecture, TemporalModel, fold_batch_norm
from poselift.models.weights import LifterWeights, load_lifter, save_lifter

WIDTHS = [(3,), (1, 3), (3, 3), (3, 3, 3), (5, 3), (3, 5, 3), (7, 1, 3)]
every_shape = pytest.mark.parametrize("widths", WIDTHS, ids=str)
causal_or_not = pytest.mark.parametrize("causal", [False, True], ids=["centred", "causal"])


def architecture(
    widths: tuple[int, ...] = (3, 3), *, causal: bool = False, dense: bool = False
) -> Architecture:
    return Architecture(4, 2, 3, widths, channels=8, causal=causal, dense=dense)


def trained(arch: Architecture, seed: int = 0) -> TemporalModel:
    """A network in evaluation mode whose BatchNorms are far from the identity."""
    torch.manual_seed(seed)
    model = TemporalModel(arch)
    for bn in (model.expand_bn, *model.layers_bn):
        torch.nn.init.uniform_(bn.weight, 0.5, 2)
        torch.nn.init.normal_(bn.bias)
        torch.nn.init.normal_(bn.running_mean)
        torch.nn.init.uniform_(bn.running_var, 0.2, 3)
    return model.eval()


def sequence(arch: Architecture, frames: int, batch: int = 2) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(batch, frames, arch.joints_in, arch.features_in)


@every_shape
def test_receptive_field_is_the_product_of_the_widths(widths: tuple[int, ...]) -> None:
    arch = architecture(widths)
    assert arch.receptive_field == math.prod(widths)
    with torch.no_grad():
        assert trained(arch)(sequence(arch, math.prod(widths))).shape == (2, 1, 3, 3)


@every_shape
@causal_or_not
def test_padding_keeps_every_frame(widths: tuple[int, ...], causal: bool) -> None:
    arch = architecture(widths, causal=causal)
    before, after = arch.padding
    assert before + after == arch.receptive_field - 1
    assert not (causal and after)
    with torch.no_grad():
        assert trained(arch)(sequence(arch, 11 + before + after)).shape == (2, 11, 3, 3)


@every_shape
@causal_or_not
def test_strided_twin_equals_dilated(widths: tuple[int, ...], causal: bool) -> None:
    arch = architecture(widths, causal=causal)
    dilated = trained(arch)
    strided = TemporalModel(arch, "strided").eval()
    strided.load_state_dict(dilated.state_dict())
    field, frames = arch.receptive_field, 6
    x = sequence(arch, field - 1 + frames, batch=1)
    windows = torch.cat([x[:, first : first + field] for first in range(frames)])
    with torch.no_grad():
        torch.testing.assert_close(strided(windows)[:, 0], dilated(x)[0], atol=1e-5, rtol=1e-5)


@every_shape
@causal_or_not
def test_dense_with_the_dilated_kernel_in_it_equals_dilated(
    widths: tuple[int, ...], causal: bool
) -> None:
    dilated = trained(architecture(widths, causal=causal))
    dense = TemporalModel(architecture(widths, causal=causal, dense=True)).eval()
    state = dilated.state_dict()
    for block, dilation in enumerate(dilated.arch.dilations[1:]):
        name = f"layers_conv.{2 * block}.weight"
        full = torch.zeros_like(dense.state_dict()[name])
        full[:, :, ::dilation] = state[name]
        state[name] = full
    dense.load_state_dict(state)
    x = sequence(dilated.arch, dilated.arch.receptive_field + 5)
    with torch.no_grad():
        torch.testing.assert_close(dense(x), dilated(x), atol=1e-5, rtol=1e-5)


def frames_that_matter(run: Callable[[Tensor], Tensor], arch: Architecture, frame: int) -> set[int]:
    """Frames of an edge-padded sequence whose change alters one output frame."""
    frames, (before, _) = 40, arch.padding
    x = sequence(arch, frames + sum(arch.padding), batch=1)
    with torch.no_grad():
        still = run(x)[0, frame]
        moved = set()
        for changed in range(x.shape[1]):
            other = x.clone()
            other[0, changed] += 3
            if not torch.equal(run(other)[0, frame], still):
                moved.add(changed - before)
    return moved


@pytest.mark.parametrize("widths", [(3, 3), (5, 3)])
@pytest.mark.parametrize("folded", [False, True])
@causal_or_not
def test_a_frame_depends_on_its_receptive_field_only(
    widths: tuple[int, ...], folded: bool, causal: bool
) -> None:
    arch = architecture(widths, causal=causal)
    model = trained(arch)
    moved = frames_that_matter(fold_batch_norm(model) if folded else model, arch, 20)
    reach = arch.receptive_field - 1
    first, last = (20 - reach, 20) if causal else (20 - reach // 2, 20 + reach // 2)
    assert moved <= set(range(first, last + 1))
    assert {first, last} <= moved


@every_shape
@causal_or_not
@pytest.mark.parametrize("dense", [False, True], ids=["dilated", "dense"])
def test_folding_batch_norm_keeps_the_output(
    widths: tuple[int, ...], causal: bool, dense: bool
) -> None:
    model = trained(architecture(widths, causal=causal, dense=dense))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    x = sequence(model.arch, model.arch.receptive_field + 7)
    with torch.no_grad():
        wanted = model(x)
    torch.testing.assert_close(fold_batch_norm(model)(x), wanted, atol=1e-5, rtol=1e-5)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), f"folding changed {name}"


def test_wrong_input_is_refused() -> None:
    arch = architecture()
    for model in (trained(arch), fold_batch_norm(trained(arch))):
        with pytest.raises(ValueError, match=r"expected \(N, T, 4, 2\)"):
            model(torch.zeros(1, 9, 2, 4))


def test_strided_has_no_dense_form() -> None:
    with pytest.raises(ValueError, match="no dense form"):
        TemporalModel(architecture(dense=True), "strided")


@pytest.mark.parametrize("widths", [(), (2,), (3, 4), (3, -1), (0,)])
def test_even_widths_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="odd and positive"):
        architecture(widths)


# --- read off the tensors ---


@every_shape
@causal_or_not
def test_architecture_is_read_off_the_tensors(widths: tuple[int, ...], causal: bool) -> None:
    arch = architecture(widths, causal=causal)
    state = trained(arch).state_dict()
    assert architecture_of(state, causal=causal) == arch
    assert architecture_of(state, causal=causal, filter_widths=widths) == arch


def test_dense_architecture_needs_the_widths() -> None:
    arch = architecture((3, 3, 3), dense=True)
    state = trained(arch).state_dict()
    assert architecture_of(state, filter_widths=(3, 3, 3)) == arch
    with pytest.raises(ValueError, match=r"filter widths are 3-7-19, not 3-5-3"):
        architecture_of(state, filter_widths=(3, 5, 3))


@pytest.mark.parametrize("widths", [(3,), (3, 5), (5, 3), (3, 3, 3), (1, 3), (2, 2)])
def test_wrong_widths_are_refused(widths: tuple[int, ...]) -> None:
    state = trained(architecture((3, 3))).state_dict()
    with pytest.raises(ValueError, match="widths"):
        architecture_of(state, filter_widths=widths)


@pytest.mark.parametrize("missing", ["expand_conv.weight", "shrink.weight", "layers_conv.0.weight"])
def test_other_tensors_are_no_temporal_model(missing: str) -> None:
    state = trained(architecture()).state_dict()
    del state[missing]
    with pytest.raises(ValueError, match="no temporal model"):
        architecture_of(state)


# --- on disk ---


def lifter(trajectory: bool = True) -> LifterWeights:
    arch = Architecture(17, 2, 17, (3, 3), channels=8, causal=True)
    root = Architecture(17, 2, 1, (3, 3), channels=8, causal=True)
    return LifterWeights(
        name="tiny",
        input_kind="screen",
        layout_in=COCO17,
        layout_out=H36M17,
        position=trained(arch),
        trajectory=trained(root, 1) if trajectory else None,
    )


@pytest.mark.parametrize("trajectory", [True, False])
def test_a_lifter_survives_its_file(trajectory: bool, tmp_path: Path) -> None:
    wanted, path = lifter(trajectory), tmp_path / "tiny.safetensors"
    save_lifter(path, wanted)
    found = load_lifter(path)
    assert (found.name, found.input_kind) == ("tiny", "screen")
    assert (found.layout_in, found.layout_out) == (COCO17, H36M17)
    assert found.position.arch == wanted.position.arch
    assert (found.trajectory is None) == (not trajectory)
    assert not found.position.training
    x = sequence(wanted.position.arch, 12)
    with torch.no_grad():
        assert torch.equal(found.position(x), wanted.position(x))
        if wanted.trajectory and found.trajectory:
            assert torch.equal(found.trajectory(x), wanted.trajectory(x))


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.999])
def test_a_truncated_lifter_is_refused(share: float, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_lifter(path, lifter())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(FormatError, match=r"tiny\.safetensors: not a safetensors file"):
        load_lifter(path)


def test_a_damaged_description_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_lifter(path, lifter())
    whole = path.read_bytes()
    for old, new in (
        (b'joints_out\\": 17', b'joints_out\\": 16'),
        (b'joints_in\\": 17', b'joints_in\\": -7'),
        (b"coco", b"caco"),
        (b"poselift-lifter/1", b"poselift-lifter/9"),
        (b'input\\": \\"screen', b'input\\": \\"sereen'),
        (b'{\\"format', b'[\\"format'),
        (b'position\\": {', b'po-ition\\": {'),
    ):
        assert old in whole
        path.write_bytes(whole.replace(old, new))
        with pytest.raises(FormatError, match=r"tiny\.safetensors: "):
            load_lifter(path)


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.bin"
    text.write_text("hello")
    for load in (load_lifter, load_reference_checkpoint):
        with pytest.raises(FormatError, match=r"nowhere\.bin: no such file"):
            load(tmp_path / "nowhere.bin")
        with pytest.raises(FormatError, match=r"text\.bin: "):
            load(text)
