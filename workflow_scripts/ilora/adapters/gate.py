"""The gate: how much each expert takes part in the adaptation of one sequence."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ilora.adapters.config import InstanceWiseConfig


class Standardisation(nn.Module):
    """Centres and scales z per dimension, so that a gate's learning rate means the same for every recommender.

    Args:
        width: d of the sequence representations. The statistics are buffers, filled by `fit` or from a saved state.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def fit(self, sequence_representations: torch.Tensor) -> None:
        """Take the statistics of z, float (sequences, d); give it the training split's only.

        Raises:
            ValueError: if z is not finite, is no matrix of this width with at least two rows, or has only one value.
        """
        shape = tuple(sequence_representations.shape)
        if len(shape) != 2 or shape[0] < 2 or shape[1] != len(self.mean):
            raise ValueError(f"expected sequence representations of shape (2 or more, {len(self.mean)}), found {shape}")
        if not torch.isfinite(sequence_representations).all():
            raise ValueError("sequence representations hold NaN or infinity: retrain the recommender")
        sequence_representations = sequence_representations.to(self.mean)
        self.mean.copy_(sequence_representations.mean(dim=0))
        scale = sequence_representations.std(dim=0)
        if not (scale > 1e-6).any():
            raise ValueError("all sequence representations are the same; a constant gate takes no statistics")
        # A dimension that never moved in training says nothing; dividing by its scale would let it shout afterwards.
        self.scale.copy_(torch.where(scale > 1e-6, scale, torch.ones_like(scale)))

    def forward(self, sequence_representation: torch.Tensor) -> torch.Tensor:
        """Give z of shape (batch, d) standardised, in the gate's own dtype.

        Raises:
            TypeError: if z is no tensor.
            ValueError: if z is no matrix of this width.
        """
        if not isinstance(sequence_representation, torch.Tensor):
            raise TypeError(
                f"sequence_representations: found {type(sequence_representation).__name__}, expected a torch.Tensor of "
                f"shape (batch, {len(self.mean)})"
            )
        if sequence_representation.ndim != 2 or sequence_representation.shape[1] != len(self.mean):
            raise ValueError(
                f"the gate expects sequence representations of shape (batch, {len(self.mean)}), found "
                f"{tuple(sequence_representation.shape)}: was another recommender's file given?"
            )
        return (sequence_representation.to(self.mean.dtype) - self.mean) / self.scale


class _Gate(nn.Module):
    """What all gates do: they read z by their statistics of it, and never give NaN.

    Args:
        width: d.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.standardisation = Standardisation(width)

    def fit(self, sequence_representations: torch.Tensor) -> None:
        """Take the statistics by which z is standardised.

        Raises:
            ValueError: as `Standardisation.fit`.
        """
        self.standardisation.fit(sequence_representations)

    def forward(self, sequence_representation: torch.Tensor) -> torch.Tensor:
        """Give omega, float (batch, K), each row summing to 1, for z of shape (batch, d).

        Raises:
            TypeError: if z is no tensor.
            ValueError: if z is no matrix of this width; if NaN or infinity in z, or in the gate's own arithmetic, made
                a row NaN (in a compiled or exported model, RuntimeError).
        """
        omega = self._weigh(self.standardisation(sequence_representation))
        message = "the gate gave NaN: the sequence representation is NaN or infinite"
        if torch.compiler.is_compiling():
            torch._assert_async(torch.isfinite(omega).all(), message)
        elif not torch.isfinite(omega).all():
            # Batch normalisation spreads one row's over all.
            wrong = omega if torch.isfinite(sequence_representation).all() else sequence_representation
            rows = (~torch.isfinite(wrong)).any(dim=-1).nonzero().flatten().tolist()
            raise ValueError(f"{message} in batch rows {rows}, or too large for {omega.dtype}")
        return omega

    def _weigh(self, standardised: torch.Tensor) -> torch.Tensor:
        """Give omega, float (batch, K), for standardised z, float (batch, d)."""
        raise NotImplementedError


class LinearGate(_Gate):
    """The paper's gate (Eq. 11): omega = softmax(W_g z), with z standardised.

    Args:
        width: d.
        experts: K.
    """

    def __init__(self, width: int, experts: int) -> None:
        super().__init__(width)
        self.projection = nn.Linear(width, experts, bias=False)
        # Small, so that training starts next to uniform LoRA.
        nn.init.normal_(self.projection.weight, std=0.02)

    def _weigh(self, standardised: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.projection(standardised), dim=-1)


class TopKGate(_Gate):
    """Hard routing: a linear gate whose softmax runs over the largest scores only (Shazeer et al. 2017, without noise).

    Args:
        width: d.
        experts: K.
        active_experts: how many experts a sequence uses, from 1 to K. With 1, the one weight is always 1 and the gate
            gets no gradient.
    """

    def __init__(self, width: int, experts: int, active_experts: int) -> None:
        super().__init__(width)
        self.projection = nn.Linear(width, experts, bias=False)
        nn.init.normal_(self.projection.weight, std=0.02)
        self.active_experts = active_experts

    def _weigh(self, standardised: torch.Tensor) -> torch.Tensor:
        """Give omega with K - active_experts zeros in each row."""
        scores = self.projection(standardised)
        largest, places = scores.topk(self.active_experts, dim=-1)
        return torch.zeros_like(scores).scatter(-1, places, torch.softmax(largest, dim=-1))


class ResidualConvolutionGate(_Gate):
    """The released code's gate: z is read raw, as a signal of length d, by a one-dimensional residual network.

    A convolution of width 3 with batch normalisation, three stages of 16, 32 and 64 channels with three residual
    blocks each, the average over the signal, a linear map and softmax: ResNet-20 as He et al. (2016) lay it out for
    small images, with shortcuts that have no weights, in one dimension.

    Args:
        width: d.
        experts: K. The released code's is always 4.
    """

    def __init__(self, width: int, experts: int) -> None:
        super().__init__(width)
        channels = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)
        self.stem = nn.Sequential(nn.Conv1d(1, 16, 3, padding=1, bias=False), nn.BatchNorm1d(16), nn.ReLU())
        self.blocks = nn.Sequential(
            *(_ResidualBlock(before, after) for before, after in zip(channels, channels[1:], strict=False))
        )
        self.projection = nn.Linear(64, experts)

    def fit(self, sequence_representations: torch.Tensor) -> None:
        """Take no statistics: z is read as it is."""

    def _weigh(self, standardised: torch.Tensor) -> torch.Tensor:
        """Give omega.

        Raises:
            ValueError: if batch normalisation has a single value for each channel to take statistics of.
        """
        signal = standardised[:, None, :]
        # Two of the stages halve the signal.
        if self.training and len(signal) == 1 and signal.shape[-1] <= 4:
            raise ValueError(
                f"the residual-convolution gate normalises over the batch: found 1 row of width {signal.shape[-1]} in "
                "training, expected 2 or more rows; drop the last batch of an epoch, or use the linear gate"
            )
        return torch.softmax(self.projection(self.blocks(self.stem(signal)).mean(dim=-1)), dim=-1)


class _ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut without weights; a change of channels halves the signal.

    The shortcut then takes every other value, and half of the new channels, all zero, stand on each side of the old.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.stride = 1 if before == after else 2
        self.new_channels = after - before
        self.convolutions = nn.Sequential(
            nn.Conv1d(before, after, 3, stride=self.stride, padding=1, bias=False),
            nn.BatchNorm1d(after),
            nn.ReLU(),
            nn.Conv1d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm1d(after),
        )

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        each_side = self.new_channels // 2
        shortcut = nn.functional.pad(signal[:, :, :: self.stride], (0, 0, each_side, each_side))
        return torch.relu(self.convolutions(signal) + shortcut)


Gate = LinearGate | TopKGate | ResidualConvolutionGate


def build_gate(config: InstanceWiseConfig) -> Gate:
    """Make the gate that a config names, with statistics and weights yet to be fitted or loaded."""
    if config.gate == "top_k":
        assert config.active_experts is not None  # which the config has checked
        return TopKGate(config.width, config.experts, config.active_experts)
    if config.gate == "residual_convolution":
        return ResidualConvolutionGate(config.width, config.experts)
    return LinearGate(config.width, config.experts)


@contextmanager
def in_evaluation(module: nn.Module) -> Iterator[None]:
    """While it lasts, a module computes as in evaluation."""
    training = [inner for inner in module.modules() if inner.training]
    for inner in training:
        inner.training = False
    try:
        yield
    finally:
        for inner in training:
            inner.training = True
