"""Vectors of titles: means of hidden states over the titles' own tokens."""

import logging

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ilora.llm.model.title_vectors import encode_titles
from ilora.progress import Progress

TITLES = ["Alien", "The Ape II", "Casino", "<s> Emma </s>", "The Ape"]


def encoded(llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, titles: list[str]) -> torch.Tensor:
    with Progress(len(titles), "encoding", logging.getLogger("test")) as progress:
        vectors = encode_titles(llama.model, tokenizer, titles, 3, progress)
    assert progress.step == len(titles)
    return vectors


def test_padding_changes_no_mean(llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    vectors = encoded(llama, tokenizer, TITLES)
    assert vectors.shape == (5, 32) and vectors.dtype == torch.float32
    for title, vector in zip(TITLES, vectors, strict=True):
        tokens = tokenizer.encode(title, add_special_tokens=False, split_special_tokens=True)
        assert not {*tokenizer.all_special_ids}.intersection(tokens)
        with torch.no_grad():
            alone = llama.model(input_ids=torch.tensor([tokens])).last_hidden_state[0].mean(dim=0)
        torch.testing.assert_close(vector, alone, rtol=1e-4, atol=1e-5)


def test_tokens_around_a_text_are_read_and_not_averaged(
    llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    wrapping = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, pad_token="</s>", bos_token="<s>")
    start = tokenizer.convert_tokens_to_ids("<s>")
    wrapping.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", start)])
    tokens = [start, *tokenizer.encode("Alien", add_special_tokens=False)]
    with torch.no_grad():
        hidden = llama.model(input_ids=torch.tensor([tokens])).last_hidden_state[0]
    torch.testing.assert_close(encoded(llama, wrapping, ["Alien"])[0], hidden[1:].mean(dim=0))


def test_a_title_without_a_token_is_refused(llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="finds no token in the title ''"):
        encoded(llama, tokenizer, ["Alien", ""])
