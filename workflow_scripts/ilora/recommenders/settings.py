"""What a recommender is built and trained with."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SASRecArchitecture:
    """Self-attentive sequential recommendation (Kang and McAuley, ICDM 2018).

    Attributes:
        layers: Transformer layers.
        heads: attention heads; they divide the embedding size.
        feed_forward_size: width inside the feed-forward blocks.
        activation: in the feed-forward blocks. The paper's is ReLU; RecBole's default is GELU, which takes a
            quarter more time on a CPU.
        dropout: on embeddings, attention weights and the output of each block.
    """

    layers: int = 2
    heads: int = 2
    feed_forward_size: int = 256
    activation: Literal["relu", "gelu"] = "relu"
    dropout: float = 0.2


@dataclass(frozen=True)
class MoRecArchitecture(SASRecArchitecture):
    """SASRec on what items are called (Yuan et al., SIGIR 2023), its text encoder frozen.

    Attributes:
        title_width: size of a title's vector, which a linear map makes an item's embedding of.
    """

    title_width: int = 1


@dataclass(frozen=True)
class GRU4RecArchitecture:
    """A recurrent network over the history (Tan et al., DLRS 2016).

    Attributes:
        layers: stacked GRUs.
        hidden_size: width of their state.
        dropout: on the items' embeddings.
    """

    layers: int = 1
    hidden_size: int = 128
    dropout: float = 0.3


@dataclass(frozen=True)
class CaserArchitecture:
    """Convolutions over the history as an image (Tang and Wang, WSDM 2018).

    Attributes:
        horizontal_filters: filters of each height, from 1 to the longest history.
        vertical_filters: filters over one dimension of all positions.
        dropout: on what the filters found.
        penalty: weight of the norms of the weights in the loss (RecBole's ``reg_weight``).
    """

    horizontal_filters: int = 8
    vertical_filters: int = 4
    dropout: float = 0.4
    penalty: float = 1e-4


Architecture = SASRecArchitecture | GRU4RecArchitecture | CaserArchitecture

ARCHITECTURES: dict[str, type[Architecture]] = {
    "sasrec": SASRecArchitecture,
    "gru4rec": GRU4RecArchitecture,
    "caser": CaserArchitecture,
    "morec": MoRecArchitecture,
}


@dataclass(frozen=True)
class TrainingSettings:
    """How a recommender is trained; the budget is in epochs, never in seconds.

    Attributes:
        learning_rate: of Adam, constant.
        weight_decay: the L2 penalty of Adam.
        batch_size: training sequences in a step.
        maximum_epochs: most passes over the training sequences.
        evaluations_per_epoch: validations in each pass, evenly spaced.
        patience: validations in a row without improvement after which training stops.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 256
    maximum_epochs: int = 12
    evaluations_per_epoch: int = 2
    patience: int = 10
