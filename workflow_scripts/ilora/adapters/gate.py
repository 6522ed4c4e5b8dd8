"""The gate, which weighs the experts for each sequence."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ilora.adapters.config import InstanceWiseConfig


class Standardisation(nn.Module):
    """Standardisation of z per dimension, so that a gate's learning rate is comparable across recommenders.

    The statistics are buffers, filled by `fit` or from a saved state.

    Args:
        width: width d of the sequence representations.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def fit(self, sequence_representations: torch.Tensor) -> None:
        """Compute the statistics of z, float (sequences, d), which must come from the training split only.

        Raises:
            ValueError: if z is not finite, is not a matrix of this width with at least two rows, or is constant.
        """
        shape = tuple(sequence_representations.shape)
        if len(shape) != 2 or shape[0] < 2 or shape[1] != len(self.mean):
            raise ValueError(f"expected sequence representations of shape (2 or more, {len(self.mean)}), found {shape}")
        if not torch.isfinite(sequence_representations).all():
            raise ValueError("sequence representations contain NaN or infinity: retrain the recommender")
        sequence_representations = sequence_representations.to(self.mean)
        self.mean.copy_(sequence_representations.mean(dim=0))
        scale = sequence_representations.std(dim=0)
        if not (scale > 1e-6).any():
            raise ValueError("all sequence representations are the same; a constant gate takes no statistics")
        # Dividing a dimension that is constant in training by its scale would blow up its values afterwards.
        self.scale.copy_(torch.where(scale > 1e-6, scale, torch.ones_like(scale)))

    def forward(self, sequence_representation: torch.Tensor) -> torch.Tensor:
        """Return z, float (batch, d), standardised, in the gate's dtype.

        Raises:
            TypeError: if z is not a tensor.
            ValueError: if z is not a matrix of this width.
        """
        if not isinstance(sequence_representation, torch.Tensor):
            raise TypeError(
                f"sequence_representations: found {type(sequence_representation).__name__}, expected a torch.Tensor of "
                f"shape (batch, {len(self.mean)})"
            )
        if sequence_representation.ndim != 2 or sequence_representation.shape[1] != len(self.mean):
            raise ValueError(
                f"the gate expects sequence representations of shape (batch, {len(self.mean)}), found "
                f"{tuple(sequence_representation.shape)}: do they come from another recommender?"
            )
        return (sequence_representation.to(self.mean.dtype) - self.mean) / self.scale


class _Gate(nn.Module):
    """Base of all gates: standardises z and raises an error instead of returning NaN.

    Args:
        width: width d of z.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.standardisation = Standardisation(width)

    def fit(self, sequence_representations: torch.Tensor) -> None:
        """Compute the statistics with which z is standardised.

        Raises:
            ValueError: as `Standardisation.fit`.
        """
        self.standardisation.fit(sequence_representations)

    def forward(self, sequence_representation: torch.Tensor) -> torch.Tensor:
        """Return omega, float (batch, K), each row summing to 1, for z, float (batch, d).

        Raises:
            TypeError: if z is not a tensor.
            ValueError: if z is not a matrix of this width, or a row of omega is NaN because z, or the gate's
                arithmetic, has NaN or infinity (RuntimeError in a compiled or exported model).
        """
        omega = self._weigh(self.standardisation(sequence_representation))
        message = "the gate gave NaN: the sequence representation is NaN or infinite"
        if torch.compiler.is_compiling():
            torch._assert_async(torch.isfinite(omega).all(), message)
        elif not torch.isfinite(omega).all():
            # Batch normalisation spreads the NaN of one row over all rows.
            wrong = omega if torch.isfinite(sequence_representation).all() else sequence_representation
            rows = (~torch.isfinite(wrong)).any(dim=-1).nonzero().flatten().tolist()
            raise ValueError(f"{message} in batch rows {rows}, or too large for {omega.dtype}")
        return omega

    def _weigh(self, standardised: torch.Tensor) -> torch.Tensor:
        """Return omega, float (batch, K), for standardised z, float (batch, d)."""
        raise NotImplementedError


class LinearGate(_Gate):
    """The paper's gate (Eq. 11): omega = softmax(W_g z), with z standardised.

    Args:
        width: width d of z.
        experts: number of experts K.
    """

    def __init__(self, width: int, experts: int) -> None:
        super().__init__(width)
        self.projection = nn.Linear(width, experts, bias=False)
        # Small, so that training starts close to uniform LoRA.
        nn.init.normal_(self.projection.weight, std=0.02)

    def _weigh(self, standardised: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.projection(standardised), dim=-1)


class TopKGate(_Gate):
    """Hard routing: a linear gate with a softmax over the largest scores only (Shazeer et al. 2017, without noise).

    Args:
        width: width d of z.
        experts: number of experts K.
        active_experts: number of experts per sequence, from 1 to K. With 1, the single weight is always 1 and the gate
            gets no gradient.
    """

    def __init__(self, width: int, experts: int, active_experts: int) -> None:
        super().__init__(width)
        self.projection = nn.Linear(width, experts, bias=False)
        nn.init.normal_(self.projection.weight, std=0.02)
        self.active_experts = active_experts

    def _weigh(self, standardised: torch.Tensor) -> torch.Tensor:
        """Return omega with K - active_experts zeros in each row."""
        scores = self.projection(standardised)
        largest, places = scores.topk(self.active_experts, dim=-1)
        return torch.zeros_like(scores).scatter(-1, places, torch.softmax(largest, dim=-1))


class ResidualConvolutionGate(_Gate):
    """The released code's gate: a one-dimensional residual network that reads the raw z as a signal of length d.

    A convolution of width 3 with batch normalisation, three stages of 16, 32 and 64 channels with three residual
    blocks each, the average over the signal, a linear map and softmax. This is the ResNet-20 for small images of He et
    al. (2016), with parameter-free shortcuts, in one dimension.

    Args:
        width: width d of z.
        experts: number of experts K. It is always 4 in the released code.
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
        """Do nothing: this gate reads z without standardisation."""

    def _weigh(self, standardised: torch.Tensor) -> torch.Tensor:
        """Return omega.

        Raises:
            ValueError: if batch normalisation would have a single value per channel.
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
    """Two convolutions with a parameter-free shortcut; a change of channels halves the signal.

    The shortcut then takes every other value and pads the channels with zeros, half of them on each side.
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
    """Build the gate of a configuration, with statistics and weights yet to be fitted or loaded."""
    if config.gate == "top_k":
        assert config.active_experts is not None  # checked by the config
        return TopKGate(config.width, config.experts, config.active_experts)
    if config.gate == "residual_convolution":
        return ResidualConvolutionGate(config.width, config.experts)
    return LinearGate(config.width, config.experts)


@contextmanager
def in_evaluation(module: nn.Module) -> Iterator[None]:
    """Put a module in evaluation mode within the context."""
    training = [inner for inner in module.modules() if inner.training]
    for inner in training:
        inner.training = False
    try:
        yield
    finally:
        for inner in training:
            inner.training = True
