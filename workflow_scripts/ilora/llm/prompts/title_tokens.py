"""Token ids of titles, and of what stands between them: the same in prompts, in answers and in scoring."""

from collections.abc import Collection, Sequence

from transformers import PreTrainedTokenizerBase

from ilora.predictions.choices import resolve_choice

PLACEHOLDER_TOKEN = "<item>"
"""Stands where a behaviour token will be, in the embedded tokenizer; others lend a token of theirs."""

_BLANK = "_"


def newline_token_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Give the token ids of a newline that follows a word.

    Some tokenizers put a word-start before a newline that stands alone, others know some words with their newline as
    one token, hence both ways to find it. Titles are tokenized without their newline, so that it stays apart from them.

    Raises:
        ValueError: if the newline melts into the word before it, or the tokenizer has none.
    """
    word = tokenizer.encode("a", add_special_tokens=False)
    line = tokenizer.encode("a\n", add_special_tokens=False)
    apart = line[len(word) :] if line[: len(word)] == word else []
    for newline in (apart, tokenizer.encode("\n", add_special_tokens=False)):
        if "\n" in readable(tokenizer, newline):
            return newline
    raise ValueError(
        f"the tokenizer of {tokenizer.name_or_path} has no newline, or merges a newline with the word before it: "
        "titles could not be told apart. Set backbone.name to a model whose tokenizer keeps newlines"
    )


def placeholder_token_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Give the id that stands where a behaviour token will be.

    Raises:
        ValueError: if the tokenizer has neither the placeholder nor an unknown nor an end token.
    """
    own = tokenizer.get_vocab().get(PLACEHOLDER_TOKEN)
    for token_id in (own, tokenizer.unk_token_id, tokenizer.eos_token_id):
        if token_id is not None:
            return int(token_id)
    raise ValueError("the tokenizer has no unknown and no end token to hold the place of a behaviour token")


def placeholder_token_id_in_chat(tokenizer: PreTrainedTokenizerBase) -> int:
    """Give the id that stands where a behaviour token will be in a message, which an end token would end."""
    own = tokenizer.get_vocab().get(PLACEHOLDER_TOKEN)
    for token_id in (own, tokenizer.unk_token_id):
        if token_id is not None:
            return int(token_id)
    return int(tokenizer.encode(_BLANK, add_special_tokens=False)[-1])


def title_token_ids(
    tokenizer: PreTrainedTokenizerBase, titles: Sequence[str], reserved: Collection[int] = ()
) -> list[list[int]]:
    """Give the token ids of titles, of which none holds a special token: "<s>" in a title is ordinary text.

    Args:
        tokenizer: of the backbone.
        titles: each on one line.
        reserved: other tokens that no title may hold.

    Raises:
        ValueError: if the tokenizer finds a special or reserved token nonetheless, or a title cannot be read back from
            its tokens, as where it has characters that the tokenizer does not know.
    """
    placeholder = tokenizer.get_vocab().get(PLACEHOLDER_TOKEN)
    special = {*tokenizer.all_special_ids, placeholder, *reserved} - {tokenizer.unk_token_id}
    encoded = [tokenizer.encode(title, add_special_tokens=False, split_special_tokens=True) for title in titles]
    for title, token_ids in zip(titles, encoded, strict=True):
        if special.intersection(token_ids):
            raise ValueError(
                f"the tokenizer finds a special token in the title {title!r}, so no answer could be read back as "
                "this title: rename the item in the raw data"
            )
    written = [readable(tokenizer, token_ids) for token_ids in encoded]
    lost = [
        (title, text) for title, text in zip(titles, written, strict=True) if resolve_choice(text, [0], [title]) is None
    ]
    if lost:
        title, text = lost[0]
        raise ValueError(
            f"the tokenizer of {tokenizer.name_or_path} cannot write {len(lost)} of {len(titles)} titles, such as "
            f"{title!r}, which reads back as {text!r}: no answer could name them. Set backbone.name to a model whose "
            "tokenizer falls back on bytes, or rename the items in the raw data"
        )
    return encoded


def readable(tokenizer: PreTrainedTokenizerBase, token_ids: Sequence[int]) -> str:
    """Give what was written, without special tokens, and with every space that was written: "Wham !" stays so."""
    return str(tokenizer.decode(list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))
