"""The temporal convolution network of VideoPose3D, dilated and strided.

Both twins hold the same parameters under the same names, so that weights trained
with the strided one (one window in, one frame out, no waste) are evaluated with the
dilated one (a whole sequence in, all frames out).

Source: Pavllo et al., "3D human pose estimation in video with temporal convolutions
and semi-supervised training", CVPR 2019; facts of its published implementation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

# Larger networks are not those of people; a small file could ask for any amount of memory.
MAX_JOINTS, MAX_CHANNELS, MAX_BLOCKS, MAX_FRAMES = 1024, 16_384, 16, 20_000


@dataclass(frozen=True)
class Architecture:
    """Everything that shapes the network.

    Args:
        joints_in, features_in: the input has joints_in * features_in channels.
        joints_out: the output has joints_out * 3 channels.
        filter_widths: odd kernel widths; the receptive field is their product.
        causal: the output sees only the past.
        dense: full kernels in place of dilated ones.
    """

    joints_in: int
    features_in: int
    joints_out: int
    filter_widths: tuple[int, ...] = (3, 3, 3)
    channels: int = 1024
    dropout: float = 0.25
    causal: bool = False
    dense: bool = False

    def __post_init__(self) -> None:
        """Raises: ValueError, TypeError: no network that fits into memory, or none at all."""
        object.__setattr__(self, "filter_widths", tuple(self.filter_widths))
        whole = {"joints_in": MAX_JOINTS, "features_in": MAX_JOINTS, "joints_out": MAX_JOINTS}
        for name, most in (whole | {"channels": MAX_CHANNELS}).items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ValueError(f"{name} must be a whole number from 1 to {most}, got {value!r}")
        odd = all(type(w) is int and w >= 1 and w % 2 for w in self.filter_widths)
        if not odd or not 1 <= len(self.filter_widths) <= MAX_BLOCKS:
            raise ValueError(f"filter widths must be odd and positive, got {self.filter_widths}")
        if self.receptive_field > MAX_FRAMES:
            raise ValueError(f"it would look at {self.receptive_field} frames at once")
        if not isinstance(self.dropout, float | int) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be a share of 1, got {self.dropout!r}")
        if type(self.causal) is not bool or type(self.dense) is not bool:
            raise ValueError("causal and dense must be true or false")

    @property
    def dilations(self) -> tuple[int, ...]:
        """Product of the widths before each layer."""
        steps = [1]
        for width in self.filter_widths[:-1]:
            steps.append(steps[-1] * width)
        return tuple(steps)

    @property
    def kernel_spans(self) -> tuple[int, ...]:
        """Frames on each side that a layer looks at, dilation included."""
        return tuple(
            (w - 1) * d // 2 for w, d in zip(self.filter_widths, self.dilations, strict=True)
        )

    @property
    def receptive_field(self) -> int:
        """Input frames that shape one output frame."""
        return 1 + 2 * sum(self.kernel_spans)

    @property
    def padding(self) -> tuple[int, int]:
        """Frames to repeat before and after a sequence so that none is lost."""
        pad = sum(self.kernel_spans)
        shift = pad if self.causal else 0
        return pad + shift, pad - shift

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"filter_widths": list(self.filter_widths)}


class TemporalModel(nn.Module):
    """2D keypoints of T frames -> 3D joints of T - receptive_field + 1 frames.

    `mode="dilated"` slides over whole sequences. `mode="strided"` reads one
    receptive field and gives one frame; it has no dense form.
    """

    def __init__(self, arch: Architecture, mode: Literal["dilated", "strided"] = "dilated") -> None:
        super().__init__()
        if mode == "strided" and arch.dense:
            raise ValueError("the strided model has no dense form")
        self.arch = arch
        self.mode = mode
        width, channels = arch.filter_widths[0], arch.channels
        self.expand_conv = nn.Conv1d(
            arch.joints_in * arch.features_in,
            channels,
            width,
            stride=width if mode == "strided" else 1,
            bias=False,
        )
        self.expand_bn = nn.BatchNorm1d(channels, momentum=0.1)
        convs: list[nn.Conv1d] = []
        for width, dilation, span in list(
            zip(arch.filter_widths, arch.dilations, arch.kernel_spans, strict=True)
        )[1:]:
            convs.append(self._wide_convolution(width, dilation, span))
            convs.append(nn.Conv1d(channels, channels, 1, bias=False))
        self.layers_conv = nn.ModuleList(convs)
        self.layers_bn = nn.ModuleList(nn.BatchNorm1d(channels, momentum=0.1) for _ in convs)
        self.shrink = nn.Conv1d(channels, arch.joints_out * 3, 1)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(arch.dropout)

    def _wide_convolution(self, width: int, dilation: int, span: int) -> nn.Conv1d:
        channels = self.arch.channels
        if self.mode == "strided":
            return nn.Conv1d(channels, channels, width, stride=width, bias=False)
        if self.arch.dense:
            return nn.Conv1d(channels, channels, 2 * span + 1, bias=False)
        return nn.Conv1d(channels, channels, width, dilation=dilation, bias=False)

    def set_bn_momentum(self, momentum: float) -> None:
        for bn in (self.expand_bn, *self.layers_bn):
            bn.momentum = momentum  # type: ignore[assignment, union-attr]

    def forward(self, keypoints: Tensor) -> Tensor:
        """(N, T, joints_in, features_in) -> (N, T', joints_out, 3).

        Raises: ValueError: the input's joints or features are not the architecture's.
        """
        arch = self.arch
        x = _channels(keypoints, arch)
        x = self.drop(self.relu(self.expand_bn(self.expand_conv(x))))
        for block in range(len(self.layers_conv) // 2):
            residual = _residual(x, arch, block, strided=self.mode == "strided")
            for layer in (2 * block, 2 * block + 1):
                x = self.drop(self.relu(self.layers_bn[layer](self.layers_conv[layer](x))))
            x = residual + x
        if torch.is_autocast_enabled(x.device.type):  # metres need more digits than bfloat16 has
            with torch.autocast(x.device.type, enabled=False):
                x = self.shrink(x.float())
        else:
            x = self.shrink(x)
        return x.transpose(1, 2).unflatten(2, (arch.joints_out, 3))


def _channels(keypoints: Tensor, arch: Architecture) -> Tensor:
    """(N, T, J, F) -> (N, J * F, T). Raises: ValueError: not the architecture's J and F."""
    if keypoints.ndim != 4 or tuple(keypoints.shape[2:]) != (arch.joints_in, arch.features_in):
        expected = f"(N, T, {arch.joints_in}, {arch.features_in})"
        raise ValueError(f"expected {expected}, got {tuple(keypoints.shape)}")
    return keypoints.flatten(2).transpose(1, 2)


def _residual(x: Tensor, arch: Architecture, block: int, *, strided: bool) -> Tensor:
    """A block's input, cropped to the frames that its output stands for."""
    width, span = arch.filter_widths[block + 1], arch.kernel_spans[block + 1]
    if strided:
        shift = width // 2 if arch.causal else 0
        return x[:, :, shift + width // 2 :: width]
    shift = span if arch.causal else 0
    return x[:, :, span + shift : x.shape[2] - span + shift]


def fold_batch_norm(model: TemporalModel) -> nn.Module:
    """An inference-only twin with every BatchNorm folded into its convolution.

    Same outputs to rounding (1e-5), fewer passes over memory.
    """
    return FoldedTemporalModel(model.eval())


class FoldedTemporalModel(nn.Module):
    """The dilated model in inference form: convolutions with bias, and ReLU."""

    def __init__(self, model: TemporalModel) -> None:
        super().__init__()
        if model.mode != "dilated":
            raise ValueError("only the dilated model runs over sequences")
        self.arch = model.arch
        self.expand = _folded(model.expand_conv, model.expand_bn)
        self.layers = nn.ModuleList(
            _folded(conv, bn)  # type: ignore[arg-type]
            for conv, bn in zip(model.layers_conv, model.layers_bn, strict=True)
        )
        self.shrink = model.shrink

    @torch.inference_mode()
    def forward(self, keypoints: Tensor) -> Tensor:
        """Same contract as TemporalModel.forward."""
        x = self.expand(_channels(keypoints, self.arch)).relu_()
        for block in range(len(self.layers) // 2):
            residual = _residual(x, self.arch, block, strided=False)
            x = self.layers[2 * block](x).relu_()
            x = self.layers[2 * block + 1](x).relu_().add_(residual)
        return self.shrink(x).transpose(1, 2).unflatten(2, (self.arch.joints_out, 3))


def _folded(conv: nn.Conv1d, bn: nn.BatchNorm1d) -> nn.Conv1d:
    return torch.nn.utils.fuse_conv_bn_eval(conv.eval(), bn.eval())
