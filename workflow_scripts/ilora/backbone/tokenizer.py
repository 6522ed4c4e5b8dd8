"""The embedded backbone's tokenizer: byte-level BPE trained on the training split's titles."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from ilora.datasets.wording import PromptWording
from ilora.llm.prompts.title_tokens import PLACEHOLDER_TOKEN

PADDING_TOKEN, START_TOKEN, END_TOKEN = "<pad>", "<s>", "</s>"


def train_tokenizer(titles: Iterable[str], wording: PromptWording, vocabulary_size: int) -> PreTrainedTokenizerFast:
    """Train byte-level BPE on titles and on the prompt's own sentences.

    Merges may cross spaces, so that a frequent beginning of a title becomes one token: prompts get shorter, and
    candidates rarely share their first token. All bytes are in the vocabulary, so that any title can be tokenized.

    Args:
        titles: titles of the training split's items, each once.
        wording: the prompt's sentences.
        vocabulary_size: maximum number of tokens, including special tokens and 256 bytes.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[PADDING_TOKEN, START_TOKEN, END_TOKEN, PLACEHOLDER_TOKEN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    sentences = [text.removesuffix("\n") for text in (wording.history, wording.candidates, wording.question)]
    # Twice, so that a sentence outweighs any title and becomes one token.
    tokenizer.train_from_iterator([*sentences, *sentences, *titles], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PADDING_TOKEN,
        bos_token=START_TOKEN,
        eos_token=END_TOKEN,
        clean_up_tokenization_spaces=False,
    )
