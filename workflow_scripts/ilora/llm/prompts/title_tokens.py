"""Token ids of titles and of the newlines and placeholders around them, used in prompts, answers and scoring."""

from collections.abc import Collection, Sequence

from transformers import PreTrainedTokenizerBase

from ilora.predictions.choices import resolve_choice

PLACEHOLDER_TOKEN = "<item>"
"""Placeholder of a behaviour token in the embedded tokenizer; for others, an existing token is used."""

_BLANK = "_"


def newline_token_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Return the token ids of a newline that follows a word.

    Some tokenizers add a word-start before a lone newline; others have single tokens for words with a newline. Both
    ways of tokenizing it are therefore tried. Titles are tokenized without their newline, which stays separate.

    Raises:
        ValueError: if the newline merges with the preceding word, or the tokenizer has none.
    """
    word = tokenizer.encode("a", add_special_tokens=False)
    line = tokenizer.encode("a\n", add_special_tokens=False)
    apart = line[len(word) :] if line[: len(word)] == word else []
    for newline in (apart, tokenizer.encode("\n", add_special_tokens=False)):
        if "\n" in readable(tokenizer, newline):
            return newline
    raise ValueError(
        f"the tokenizer of {tokenizer.name_or_path} has no newline, or merges a newline with the preceding word: "
        "titles could not be told apart. Set backbone.name to a model whose tokenizer keeps newlines"
    )


def placeholder_token_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the token id used as the placeholder of a behaviour token.

    Raises:
        ValueError: if the tokenizer has no placeholder, unknown or end token.
    """
    own = tokenizer.get_vocab().get(PLACEHOLDER_TOKEN)
    for token_id in (own, tokenizer.unk_token_id, tokenizer.eos_token_id):
        if token_id is not None:
            return int(token_id)
    raise ValueError("the tokenizer has no unknown or end token to use as the placeholder of a behaviour token")


def placeholder_token_id_in_chat(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the placeholder of a behaviour token in a chat message, which an end token would end."""
    own = tokenizer.get_vocab().get(PLACEHOLDER_TOKEN)
    for token_id in (own, tokenizer.unk_token_id):
        if token_id is not None:
            return int(token_id)
    return int(tokenizer.encode(_BLANK, add_special_tokens=False)[-1])


def title_token_ids(
    tokenizer: PreTrainedTokenizerBase, titles: Sequence[str], reserved: Collection[int] = ()
) -> list[list[int]]:
    """Return the token ids of titles, without special tokens: "<s>" in a title is ordinary text.

    Args:
        tokenizer: tokenizer of the backbone.
        titles: titles without newlines.
        reserved: further tokens that no title may contain.

    Raises:
        ValueError: if a title still contains a special or reserved token, or cannot be decoded from its tokens, for
            example because the tokenizer does not know some characters.
    """
    placeholder = tokenizer.get_vocab().get(PLACEHOLDER_TOKEN)
    special = {*tokenizer.all_special_ids, placeholder, *reserved} - {tokenizer.unk_token_id}
    encoded = [tokenizer.encode(title, add_special_tokens=False, split_special_tokens=True) for title in titles]
    for title, token_ids in zip(titles, encoded, strict=True):
        if special.intersection(token_ids):
            raise ValueError(
                f"the tokenizer finds a special token in the title {title!r}, so no answer could be decoded as "
                "this title: rename the item in the raw data"
            )
    written = [readable(tokenizer, token_ids) for token_ids in encoded]
    lost = [
        (title, text) for title, text in zip(titles, written, strict=True) if resolve_choice(text, [0], [title]) is None
    ]
    if lost:
        title, text = lost[0]
        raise ValueError(
            f"the tokenizer of {tokenizer.name_or_path} cannot represent {len(lost)} of {len(titles)} titles, such as "
            f"{title!r}, which decodes to {text!r}: no answer could name them. Set backbone.name to a model whose "
            "tokenizer falls back on bytes, or rename the items in the raw data"
        )
    return encoded


def readable(tokenizer: PreTrainedTokenizerBase, token_ids: Sequence[int]) -> str:
    """Decode tokens without special tokens and without cleaning up spaces: "Wham !" keeps its space."""
    return str(tokenizer.decode(list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))
