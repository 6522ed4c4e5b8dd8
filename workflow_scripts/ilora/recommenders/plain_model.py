"""A trained recommender without the encoder that its item embeddings came from."""

import torch
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.recommenders.saved_model import ModelShape
from ilora.recommenders.settings import SASRecArchitecture

_EMBEDDING = "item_embedding."


def plain_model(model: SequentialRecommender, shape: ModelShape) -> tuple[SequentialRecommender, ModelShape]:
    """Return the SASRec whose table holds what a trained MoRec makes of each title, and its shape.

    It scores exactly alike, and loads without transformers and without the encoder, which is not kept: of titles that
    are not in the data set nothing can be said anymore.

    Args:
        model: MoRec with `ilora.recommenders.encoded_titles.EncodedTitles`, trained.
        shape: of MoRec.
    """
    architecture = shape.architecture
    assert isinstance(architecture, SASRecArchitecture)
    settings = {name: getattr(architecture, name) for name in SASRecArchitecture.__dataclass_fields__}
    plain_shape = ModelShape(
        "sasrec", SASRecArchitecture(**settings), shape.embedding_size, shape.items, shape.maximum_history
    )
    with torch.random.fork_rng(devices=[]):
        plain = plain_shape.build()
    weights = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(_EMBEDDING)}
    plain.load_state_dict({**weights, f"{_EMBEDDING}weight": model.eval().item_embedding.weight.detach()})
    return plain.eval(), plain_shape
