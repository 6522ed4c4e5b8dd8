"""The small Llama as a policy, with a uniform or an instance-wise LoRA tuned on clicks."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset
from transformers import LlamaForCausalLM

from ilora.feedback.retraining import RetrainingSettings
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.training.loop import LoopSettings, ParameterGroup, Schedule, train
from ilora.negative_transfer.batches import the_batch
from ilora.negative_transfer.groups import Sequences
from ilora.negative_transfer.methods import AdapterShape, Method, adapt
from ilora.negative_transfer.tuning import Task, inputs_of, item_scores

#: `inputs_of` requires a generator, which only shuffled gates use; there are none here.
_UNUSED = np.random.default_rng(0)


class _Batches(Dataset[dict[str, torch.Tensor]]):
    """Batches of clicks, one per step."""

    def __init__(self, log: Sequences, number: int, task: Task, method: Method, settings: RetrainingSettings) -> None:
        self._log = log
        self._number = number
        self._task = task
        self._method = method
        self._settings = settings

    def __len__(self) -> int:
        return self._settings.steps

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        clicks = self._settings.batch(self._log, self._number, step)
        return inputs_of(clicks, self._task, self._method, _UNUSED)


class AdapterPolicy:
    """A frozen backbone with a uniform or an instance-wise adapter.

    Args:
        backbone: frozen backbone, which is not changed.
        task: task, which determines the content of prompts.
        method: method, which determines the gate inputs, if there is a gate.
        shape: shape of the adapter.
        settings: settings of each retraining.
    """

    def __init__(
        self,
        backbone: LlamaForCausalLM,
        task: Task,
        method: Method,
        shape: AdapterShape,
        settings: RetrainingSettings,
    ) -> None:
        self._backbone = backbone
        self._task = task
        self._method = method
        self._shape = shape
        self._settings = settings
        self._model: HybridLanguageModel | None = None

    def scores(self, visits: Sequences) -> NDArray[np.float64]:
        """Return the logits of the items as the next token."""
        items = self._task.users.items
        if self._model is None:
            return np.zeros((len(visits.groups), items))
        batch = inputs_of(visits, self._task, self._method, _UNUSED)
        return item_scores(self._model, batch, items).astype(np.float64)

    def retrain(self, log: Sequences, number: int) -> None:
        """Tune adapter and gate; the learning-rate schedule and Adam's moments are reset in each round.

        A gate's statistics are computed from the log that it is first tuned on.

        Raises:
            FloatingPointError: a loss or a weight is not finite.
        """
        settings = self._settings
        if self._model is None or settings.start == "anew":
            self._model = adapt(copy.deepcopy(self._backbone), self._method, self._shape, log, settings.seed)
        trained = [parameter for parameter in self._model.parameters() if parameter.requires_grad]
        train(
            model=self._model,
            dataset=_Batches(log, number, self._task, self._method, settings),
            collate=the_batch,
            groups=[ParameterGroup(trained, settings.learning_rate)],
            settings=LoopSettings(
                f"tuning on the clicks of rounds 0 to {number}",
                Schedule(settings.steps, settings.steps // 20),
                batch_size=1,
                seed=settings.seed,
            ),
        )
