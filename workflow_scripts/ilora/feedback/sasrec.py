"""RecBole's SASRec as a policy, which reads the same tokens as the language model."""

import numpy as np
import torch
from numpy.typing import NDArray
from recbole.model.abstract_recommender import SequentialRecommender

from ilora.configuration.sections.recommender_values import SASRecSection
from ilora.feedback.retraining import RetrainingSettings
from ilora.negative_transfer.groups import GroupInPrompt, Sequences
from ilora.negative_transfer.vocabulary import Vocabulary
from ilora.recommenders.models import all_item_scores, build_model, optimizer_for, training_loss
from ilora.recommenders.padded_sequences import FIRST_ITEM, PaddedSequences


class SASRecPolicy:
    """SASRec with group names as items that are never clicked, so that it has the same information as a prompt.

    Args:
        vocabulary: vocabulary of items and groups.
        group_in_prompt: whether a user's group is named.
        architecture: architecture of SASRec.
        embedding_size: width of item embeddings.
        settings: settings of each retraining.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        group_in_prompt: GroupInPrompt,
        architecture: SASRecSection,
        embedding_size: int,
        settings: RetrainingSettings,
    ) -> None:
        self._vocabulary = vocabulary
        self._group_in_prompt = group_in_prompt
        self._architecture = architecture
        self._embedding_size = embedding_size
        self._settings = settings
        self._model: SequentialRecommender | None = None

    def scores(self, visits: Sequences) -> NDArray[np.float64]:
        """Return SASRec's own scores of the items."""
        if self._model is None:
            return np.zeros((len(visits.groups), self._vocabulary.items))
        self._model.eval()
        with torch.no_grad():
            scores = all_item_scores(self._model, self._padded(visits))
        return scores[:, FIRST_ITEM : FIRST_ITEM + self._vocabulary.items].double().numpy()

    def retrain(self, log: Sequences, number: int) -> None:
        """Train with Adam on RecBole's cross-entropy; Adam's moments are reset in each round.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        settings = self._settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0]))
            if self._model is None or settings.start == "anew":
                self._model = build_model(
                    self._architecture,
                    embedding_size=self._embedding_size,
                    items=self._vocabulary.size,
                    maximum_history=log.histories.shape[1] + 1,
                )
            self._model.train()
            optimizer = optimizer_for(self._model, settings.learning_rate, weight_decay=0.0)
            for step in range(settings.steps):
                optimizer.zero_grad()
                loss = training_loss(self._model, self._padded(settings.batch(log, number, step)))
                if not torch.isfinite(loss):
                    raise FloatingPointError(
                        f"SASRec after round {number}: the loss is {loss.item()} at step {step}, expected a finite "
                        "number. Lower feedback.recommender_learning_rate."
                    )
                loss.backward()
                optimizer.step()

    def _padded(self, sequences: Sequences) -> PaddedSequences:
        tokens = torch.from_numpy(self._vocabulary.prompts(sequences, self._group_in_prompt))
        lengths = torch.full((len(tokens),), tokens.shape[1])
        return PaddedSequences(tokens + FIRST_ITEM, lengths, torch.from_numpy(sequences.targets) + FIRST_ITEM)
