"""The small Llama as a policy, by a uniform or an instance-wise LoRA that is tuned on clicks."""

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

#: What a gate reads here is drawn by nobody: `inputs_of` asks for a generator, which only shuffled gates use.
_UNUSED = np.random.default_rng(0)


class _Batches(Dataset[dict[str, torch.Tensor]]):
    """One item is one step's batch of clicks."""

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
    """A frozen backbone with one adapter for all users, or with an instance-wise one.

    Args:
        backbone: frozen; stays as it is.
        task: what a prompt tells.
        method: what the gate reads, if there is one.
        shape: of the adapter.
        settings: of each retraining.
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
        """Tune adapter and gate for so many steps; the schedule and Adam's moments begin anew each round.

        A gate takes its statistics from the log that it is first tuned on.

        Raises:
            FloatingPointError: a loss or a weight is no finite number.
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
