"""Small tokenizers of common kinds, and chat templates in the style of common models."""

from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

TITLES = ["Alien", "The Ape", "The Ape II", "Brazil", "Casino", "Dune", "Emma", "Fargo"]
_SENTENCES = ["The user has watched these movies, in this order:", "Candidates:", "Which candidate does the user next?"]

#: Like Qwen2's: a default system message, and no start token.
QWEN = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
#: Like Llama 3's: a start token, the date, and messages without surrounding whitespace.
LLAMA_3 = (
    "{{ bos_token }}<|start_header_id|>system<|end_header_id|>\n\nToday Date: {{ strftime_now('%d %b %Y') }}<|eot_id|>"
    "{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
#: Like Gemma's: system messages are refused, and the assistant is called model.
GEMMA = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "<start_of_turn>{{ role }}\n{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
#: Like Llama 2's: ordinary text ends a user's message, the end token an assistant's.
LLAMA_2 = (
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ bos_token }}[INST] {{ message['content'].strip() }} [/INST]"
    "{% else %} {{ message['content'].strip() }} {{ eos_token }}{% endif %}{% endfor %}"
)
#: Ordinary text only: an answer ends with a newline.
ALPACA = (
    "{% for message in messages %}### {{ message['role'] }}:\n{{ message['content'] }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}### assistant:\n{% endif %}"
)
TEMPLATES = {"qwen": QWEN, "llama_3": LLAMA_3, "gemma": GEMMA, "llama_2": LLAMA_2, "alpaca": ALPACA}
_CONTROLS = {
    "qwen": ["<|im_start|>", "<|im_end|>"],
    "llama_3": ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    "gemma": ["<start_of_turn>", "<end_of_turn>"],
    "llama_2": [],
    "alpaca": [],
}


def chat_tokenizer(template: str, vocabulary_size: int = 320) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer without padding or unknown token, whose end token pads, with a chat template."""
    controls = _CONTROLS[template]
    end = controls[-1] if controls else "</s>"
    start = None if template == "qwen" else "<s>"
    tokenizer = _byte_level([*_SENTENCES, *TITLES], [token for token in (start, end) if token], vocabulary_size)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=start,
        eos_token=end,
        pad_token=end,
        extra_special_tokens=controls,
        chat_template=TEMPLATES[template],
    )


def merging_tokenizer(lines: Sequence[str]) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer with tokens that span line ends, trained on the given texts."""
    return PreTrainedTokenizerFast(
        tokenizer_object=_byte_level([f"{line}\n" for line in lines] * 9, ["</s>"], 300), eos_token="</s>"
    )


def _byte_level(texts: Sequence[str], special: Sequence[str], vocabulary_size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary_size, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
        ),
    )
    return tokenizer


_SPECIAL = ["<unk>", "<s>", "</s>"]
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_LETTERS = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.:!?'\"()&-"]


def unigram_tokenizer(byte_fallback: bool = True) -> PreTrainedTokenizerFast:
    """Return a tokenizer like SentencePiece's unigram: word-starts, with byte fallback."""
    pieces = [(token, 0.0) for token in _SPECIAL] + [("▁", -2.0), ("▁The", -3.0), ("▁Ape", -3.5), ("e!", -4.0)]
    pieces += [(byte, -20.0) for byte in _BYTES] if byte_fallback else []
    model = models.Unigram([*pieces, *((letter, -5.0) for letter in _LETTERS)], unk_id=0, byte_fallback=byte_fallback)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = _sentencepiece_decoder()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def llama_2_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer like Llama 2's: BPE over the whole text after one word-start, with byte fallback."""
    merges = [("▁", "T"), ("▁T", "h"), ("▁Th", "e"), ("▁", "A"), ("▁A", "p"), ("▁Ap", "e"), ("I", "I")]
    pieces = [*_SPECIAL, *_BYTES, "▁", *_LETTERS, *("".join(pair) for pair in merges)]
    model = models.BPE(
        vocab={piece: place for place, piece in enumerate(pieces)},
        merges=merges,
        unk_token="<unk>",
        fuse_unk=True,
        byte_fallback=True,
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = _sentencepiece_decoder()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def _sentencepiece_decoder() -> decoders.Decoder:
    return decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
