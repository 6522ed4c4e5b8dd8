"""Behaviour tokens, the loss on answers, and generation."""

import logging

import pytest
import torch
from peft import LoraConfig
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from hybrid_models import hybrid_model
from ilora.adapters import InstanceWiseConfig, get_instance_wise_model
from ilora.adapters.labels import IGNORED_LABEL
from ilora.configuration.sections.decoding import DecodingSection
from ilora.llm.inference.generation import generate_answers
from ilora.llm.inference.prompt_batches import PreparedPrompt
from ilora.llm.model.collation import Collator, TrainingExample
from ilora.llm.model.hybrid_model import HybridLanguageModel
from ilora.llm.model.projector import Projector, fresh_projector
from ilora.llm.prompts.builder import NO_ITEM, PromptBuilder
from ilora.progress import Progress
from tiny_models import ARCHITECTURES, VOCABULARY, tiny_model


@pytest.fixture
def hybrid(llama: LlamaForCausalLM) -> HybridLanguageModel:
    torch.manual_seed(1)
    return HybridLanguageModel(llama, Projector(4, 32), torch.randn(8, 4)).eval()


def example(builder: PromptBuilder, history: list[int], candidates: list[int], target: int) -> TrainingExample:
    prompt, answer = builder.prompt(history, candidates), builder.answer(target)
    return TrainingExample(
        token_ids=prompt.token_ids + answer,
        behaviour=prompt.behaviour + [NO_ITEM] * len(answer),
        labels=[IGNORED_LABEL] * len(prompt.token_ids) + answer,
    )


def test_behaviour_tokens_land_on_their_places_and_words_stay(
    hybrid: HybridLanguageModel, builder: PromptBuilder
) -> None:
    batch = Collator(0)([example(builder, [0, 1], [2, 3], 3), example(builder, [5], [2, 6, 7], 6)])
    embedded = hybrid.embed(batch["input_ids"], batch["behaviour"])
    words = hybrid.causal_model.get_input_embeddings()(batch["input_ids"])
    places = batch["behaviour"] != NO_ITEM
    assert torch.equal(embedded[~places], words[~places])
    assert hybrid.projector is not None
    expected = hybrid.projector(hybrid.item_vectors[batch["behaviour"][places]])
    torch.testing.assert_close(embedded[places], expected)


def test_loss_equals_that_of_transformers_on_each_sequence_alone(
    hybrid: HybridLanguageModel, builder: PromptBuilder
) -> None:
    examples = [example(builder, [0, 1], [2, 3], 3), example(builder, [5], [2, 6, 7], 6)]
    total, count = torch.tensor(0.0), 0
    for one in examples:
        batch = Collator(0)([one])
        embedded = hybrid.embed(batch["input_ids"], batch["behaviour"])
        output = hybrid.causal_model(inputs_embeds=embedded, labels=batch["labels"])
        answers = int((batch["labels"] != IGNORED_LABEL).sum())
        total, count = total + output.loss * answers, count + answers
    torch.testing.assert_close(hybrid(**Collator(0)(examples))["loss"], total / count)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_loss_equals_the_models_own_in_every_architecture(
    kind: str, builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Gemma 2 caps its logits, Gemma scales its embeddings, and some models have sliding windows or tied embeddings."""
    hybrid = hybrid_model("uniform", len(tokenizer), kind, torch.float32, sliding_window=16)
    examples = [example(builder, [0, 1], [2, 3], 3), example(builder, [5], [2, 6, 7], 6)]
    total, count = torch.tensor(0.0), 0
    for one in examples:
        batch = Collator(0)([one])
        embedded = hybrid.embed(batch["input_ids"], batch["behaviour"])
        answers = int((batch["labels"] != IGNORED_LABEL).sum())
        total += hybrid.causal_model(inputs_embeds=embedded, labels=batch["labels"]).loss * answers
        count += answers
    torch.testing.assert_close(hybrid(**Collator(0)(examples))["loss"], total / count)
    assert hybrid.causal_model.get_output_embeddings()(torch.zeros(1, 3, 16)).shape[1] == 3  # the head is unchanged


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_fresh_behaviour_tokens_have_the_norm_of_a_word_as_the_model_reads_it(kind: str) -> None:
    model, vectors = tiny_model(kind), torch.randn(8, 4)
    tokens = fresh_projector(vectors, model, seed=1)(vectors)
    words = model.get_input_embeddings()(torch.arange(VOCABULARY))
    torch.testing.assert_close(tokens.norm(dim=-1).mean(), words.norm(dim=-1).mean())


def greedy_by_hand(
    hybrid: HybridLanguageModel, builder: PromptBuilder, prompt: PreparedPrompt, steps: int
) -> list[int]:
    """Decode without a cache and without padding."""
    tokens, behaviour = list(prompt.tokens.token_ids), list(prompt.tokens.behaviour)
    written: list[int] = []
    for _ in range(steps):
        embedded = hybrid.embed(torch.tensor([tokens]), torch.tensor([behaviour]))
        chosen = int(hybrid.causal_model(inputs_embeds=embedded).logits[0, -1].argmax())
        written.append(chosen)
        if chosen == builder.newline[-1]:
            break
        tokens, behaviour = [*tokens, chosen], [*behaviour, NO_ITEM]
    return written


def test_batched_generation_with_cache_equals_decoding_by_hand(
    hybrid: HybridLanguageModel, builder: PromptBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    prompts = [
        PreparedPrompt(builder.prompt([0, 1, 2], [3, 4]), None),
        PreparedPrompt(builder.prompt([5], [1, 2, 6, 7]), None),
        PreparedPrompt(builder.prompt([4, 3], [0, 1, 2]), None),
    ]
    with Progress(3, "answering", logging.getLogger("test")) as progress:
        answers = generate_answers(
            hybrid, builder, prompts, DecodingSection(batch_size=2, maximum_new_tokens=6), progress
        )
    for prompt, answer in zip(prompts, answers, strict=True):
        written = greedy_by_hand(hybrid, builder, prompt, steps=6)
        assert answer == str(tokenizer.decode(written, skip_special_tokens=True)).split("\n")[0]
    assert progress.step == 3


def test_a_gate_needs_its_input(llama: LlamaForCausalLM, builder: PromptBuilder) -> None:
    lora = LoraConfig(r=4, target_modules=["q_proj"])
    gated = get_instance_wise_model(llama, lora, InstanceWiseConfig(experts=2, width=4))
    hybrid = HybridLanguageModel(gated, Projector(4, 32), torch.randn(8, 4))
    batch = Collator(0)([example(builder, [0, 1], [2, 3], 3)])
    with pytest.raises(ValueError, match="gate_inputs: found None"):
        hybrid(**batch)
    assert torch.isfinite(hybrid(**batch, gate_inputs=torch.randn(1, 4))["loss"])


def test_a_gate_guided_by_tokens_sees_neither_padding_nor_the_answer(
    llama: LlamaForCausalLM, builder: PromptBuilder
) -> None:
    torch.manual_seed(2)
    lora = LoraConfig(r=4, target_modules=["q_proj"])
    config = InstanceWiseConfig(experts=2, width=32, gate_input="token_collapsed")
    gated = get_instance_wise_model(llama, lora, config)
    hybrid = HybridLanguageModel(gated, Projector(4, 32), torch.randn(8, 4)).train()
    seen = []
    gated.gate.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    short, long = example(builder, [0, 1], [2, 3], 3), example(builder, [5], [2, 6, 7, 1], 6)
    hybrid(**Collator(0)([short, long]))
    for place, one in enumerate((short, long)):
        prompt = [token for token, label in zip(one.token_ids, one.labels, strict=True) if label == IGNORED_LABEL]
        behaviour = list(one.behaviour)[: len(prompt)]
        alone = hybrid.embed(torch.tensor([prompt]), torch.tensor([behaviour])).mean(dim=1)[0]
        torch.testing.assert_close(seen[0][place], alone)
