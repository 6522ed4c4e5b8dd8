"""The typed model of a study's configuration.

Each field's description becomes its comment in `config.yaml` and in the JSON schema. What involves several
keys at once is checked in `ilora.configuration.checks`; `ilora.configuration.loading.load_study` does both.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from ilora.methods.register import BASELINES, CHAT_METHODS, LANGUAGE_MODEL_METHODS, RECOMMENDERS, TUNED_METHODS

BuiltInDataset = Literal["movielens", "lastfm", "steam"]
Protocol = Literal["published", "chronological"]
if TYPE_CHECKING:
    # The register says which ids there are; a type checker cannot.
    Recommender = str
    TunedMethod = str
    Method = str
else:
    Recommender = Literal[tuple(RECOMMENDERS)]
    TunedMethod = Literal[TUNED_METHODS]
    Method = Literal[(*BASELINES, *RECOMMENDERS, *CHAT_METHODS, *LANGUAGE_MODEL_METHODS)]

BUILT_IN_DATASETS: tuple[str, ...] = get_args(BuiltInDataset)
PROTOCOLS: tuple[str, ...] = get_args(Protocol)

DOWNLOAD = "download"
RECBOLE = "recbole"
EMBEDDED_BACKBONE = "embedded"
SEARCHED = "searched"
HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")


def _number_or_searched(value: object, validate: ValidatorFunctionWrapHandler) -> float | str:
    """Say in one message what a value of either kind may be."""
    try:
        checked: float | str = validate(value)
    except ValidationError:
        expected = f"a number of at least 0 and less than 1, or {SEARCHED}"
        raise PydanticCustomError("number_or_searched", expected) from None
    return checked


_NAME, _LABEL = r"^[a-z0-9_]+$", r"^[A-Za-z0-9._-]+$"
_FOLDER, _TABLE, _WORDS = r"^[^~{}\t\r\n]*[^~{}\s/]$", r"\.(csv|tsv|inter|item|parquet)$", r"^[^<>\s]+( [^<>\s]+)*$"
#: What text must look like, by pattern.
PATTERNS_IN_WORDS = {
    _NAME: "a name of small letters, digits and _",
    _LABEL: "letters, digits, points, _ and - alone",
    _FOLDER: "a path that has no ~, no braces and no slash at its end",
    _TABLE: "a file that ends in .csv, .tsv, .inter, .item or .parquet",
    _WORDS: "words with one space between them, without < and >",
}

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(ge=1)]
Revision = Annotated[str, Field(pattern=_LABEL)]
Rate = Annotated[float, Field(gt=0, le=1)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Dataset = Annotated[str, Field(pattern=_NAME)]
Text = Annotated[str, Field(min_length=1)]
TableFile = Annotated[str, Field(pattern=_TABLE)]
WeightDecay = Annotated[Probability | Literal["searched"], WrapValidator(_number_or_searched)]
Words = Annotated[str, Field(pattern=_WORDS)]


class Section(BaseModel):
    """A part of the configuration: frozen, and with no key but the declared ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, title=None)


class OwnColumns(Section):
    """Names of the columns in the files of a data set of one's own; RecBole's `user_id:token` counts as `user_id`."""

    user: Text = Field("user_id", description="in interactions: who")
    item: Text = Field("item_id", description="in interactions: used what")
    timestamp: Text = Field("timestamp", description="in interactions: when")
    rating: Text = Field("rating", description="in interactions: how good it was; read with a minimum_rating only")
    item_id: Text = Field("item_id", description="in items: the id that interactions use")
    title: Text = Field("title", description="in items: as it will stand in a prompt")


class OwnWords(Section):
    """What a prompt says about the items: "The user has read these books" and "Which does the user read next?"."""

    items: Words = Field("items", description="what the items are called, in the plural")
    participle: Words = Field("chosen", description="what a user has done with them")
    verb: Words = Field("choose", description="what a user does with one")


class OwnDataset(Section):
    """A data set of one's own: a file of interactions and a file of titles (CSV, TSV, Parquet, RecBole's atomic)."""

    interactions: TableFile = Field(description="file with a row for each time that a user used an item")
    items: TableFile = Field(description="file with a row for each item; may be the same one")
    columns: OwnColumns = OwnColumns()
    timestamps: Literal["seconds", "milliseconds", "dates"] = Field(
        "seconds", description="what the times are: seconds or milliseconds since 1970, or dates in ISO 8601"
    )
    encoding: Text = Field("utf-8", description="of text files")
    minimum_rating: float | None = Field(None, description="ratings below this are no interaction; null for none")
    minimum_users_per_item: Count = Field(1, description="items with fewer users are dropped, until none is left")
    minimum_items_per_user: Count = Field(1, description="users with fewer items are dropped, until none is left")
    words: OwnWords = OwnWords()


class DataSection(Section):
    """Which users and items count, how sequences are split, and who competes in a candidate set."""

    split_seed: Seed = Field(0, description="seed of the split of the users into train, val and test")
    candidate_seed: Seed = Field(0, description="seed of the candidate sets")
    candidates: Annotated[int, Field(ge=2)] = Field(20, description="items in a candidate set, the target among them")
    draws: Count = Field(10, description="candidate sets drawn for each val and test sequence")
    minimum_history: Count = Field(3, description="sequences with a shorter history are dropped")
    maximum_history: Count = Field(10, description="items of history that a sequence keeps, the latest ones")
    minimum_rating: float = Field(3.0, description="ratings below this are no interaction (movielens)")
    sample_seed: Seed = Field(0, description="seed of the random third of users and of games (steam)")
    sources: dict[BuiltInDataset, Text] = Field(
        default={"movielens": RECBOLE, "lastfm": DOWNLOAD, "steam": DOWNLOAD},
        description="where raw files come from: download, a folder that holds them, or (movielens) recbole for the "
        "copy inside the installed RecBole",
    )
    lock: Text = Field(
        "downloads.lock.json",
        description="checksums of downloads whose publishers give none, recorded at the first; commit this file",
    )
    own: dict[Dataset, OwnDataset] = Field(
        default={},
        description="data sets of your own, by name: the README's section on them says how",
    )


class SASRecSection(Section):
    """SASRec (Kang and McAuley 2018): self-attention over the history."""

    layers: Count = Field(2, description="Transformer layers")
    heads: Count = Field(2, description="attention heads")
    feed_forward_size: Count = Field(256, description="width inside the feed-forward blocks")
    activation: Literal["relu", "gelu"] = Field("relu", description="inside the feed-forward blocks")
    dropout: Probability = Field(0.2, description="on embeddings, attention and feed-forward blocks")


class GRU4RecSection(Section):
    """GRU4Rec (Hidasi et al. 2016): a recurrent network over the history."""

    layers: Count = Field(1, description="recurrent layers")
    hidden_size: Count = Field(128, description="width of the recurrent state")
    dropout: Probability = Field(0.3, description="on embeddings")


class CaserSection(Section):
    """Caser (Tang and Wang 2018): convolutions over the history."""

    horizontal_filters: Count = Field(8, description="for each filter height")
    vertical_filters: Count = Field(4, description="over the whole history")
    dropout: Probability = Field(0.4, description="before the last layer")
    penalty: Annotated[float, Field(ge=0)] = Field(0.0001, description="L2 penalty of RecBole (its reg_weight)")


class MoRecSection(Section):
    """MoRec (Yuan et al. 2023): SASRec, whose item embeddings are a linear map of the titles' vectors."""

    encoder: Annotated[str, Field(min_length=1)] = Field(
        EMBEDDED_BACKBONE,
        description="model whose last hidden states, averaged over a title's tokens, are its vector: embedded (the "
        "backbone that the pipeline pretrains), a local directory, or organisation/model on the hub",
    )
    revision: Revision | None = Field(None, description="branch, tag or commit on the hub; null for its default branch")
    training: Literal["frozen", "end_to_end"] = Field(
        "frozen",
        description="of the encoder: it stays as it is and reads each title once, or it is trained with the rest, "
        "by a job that asks for a GPU (not for the embedded one); an L2 that is searched is that of the frozen one",
    )
    encoder_learning_rate: Rate = Field(0.0001, description="of Adam on the encoder, where it is trained; without L2")
    compared_items: Literal["all", "batch"] = Field(
        "all",
        description="what the loss compares the target with, where the encoder is trained: all items, of which each "
        "step encodes the titles, or those of the batch",
    )

    @property
    def is_end_to_end(self) -> bool:
        """Whether the encoder is trained with the recommender."""
        return self.training == "end_to_end"

    @property
    def model(self) -> BackboneSection:
        """The encoder as the model that it is."""
        return BackboneSection(name=self.encoder, revision=self.revision)


class WeightDecaySearchSection(Section):
    """What weight_decay searched chooses from, for each recommender and data set: the best on validation."""

    values: Annotated[tuple[Probability, ...], Field(min_length=2)] = Field(
        (0.0, 0.00001, 0.0001, 0.001, 0.01), description="of weight_decay"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1,), description="each trains every value once; the mean of their HitRatio@1 on validation decides"
    )


class RecommendersSection(Section):
    """Training of the sequential recommenders (RecBole): Adam, cross-entropy over all items."""

    guide: Recommender = Field(
        "sasrec",
        description="gives the behaviour tokens and the sequence representation; sasrec is the paper's",
    )
    embedding_size: Count = Field(64, description="of items, and of the sequence representation")
    learning_rate: Rate = Field(0.001, description="of Adam")
    weight_decay: WeightDecay = Field(
        0.0, description="L2 of Adam; searched for what is best on validation, by weight_decay_search"
    )
    batch_size: Count = Field(256, description="training sequences in a step")
    maximum_epochs: Count = Field(12, description="passes over the training sequences, at most")
    evaluations_per_epoch: Count = Field(2, description="validations in an epoch")
    patience: Count = Field(10, description="validations without improvement before training stops")
    sasrec: SASRecSection = SASRecSection()
    gru4rec: GRU4RecSection = GRU4RecSection()
    caser: CaserSection = CaserSection()
    morec: MoRecSection = MoRecSection()
    weight_decay_search: WeightDecaySearchSection = WeightDecaySearchSection()

    @property
    def is_weight_decay_searched(self) -> bool:
        """Whether the L2 of each recommender is the best of several values."""
        return self.weight_decay == SEARCHED


class BackboneSection(Section):
    """The language model that is tuned."""

    name: Annotated[str, Field(min_length=1)] = Field(
        EMBEDDED_BACKBONE,
        description="embedded (a small Llama that the pipeline pretrains itself), a local directory, or "
        "organisation/model on the Hugging Face hub",
    )
    revision: Revision | None = Field(None, description="branch, tag or commit on the hub; null for its default branch")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="of the frozen weights and of the computation"
    )
    quantization: Literal["nf4", "int8"] | None = Field(
        None,
        description="of the frozen weights, by bitsandbytes: nf4 (4 bits, QLoRA) or int8; null for none, as it is for "
        "the embedded one",
    )
    attention: Literal["sdpa", "eager", "flash_attention_2"] = Field(
        "sdpa", description="implementation of attention in transformers"
    )
    gpus: Annotated[int, Field(ge=0)] = Field(
        1,
        description="GPUs that each rule of the language model asks for; fine-tuning has a process on each, and they "
        "share its batches. The embedded one asks for none",
    )
    sharded: bool = Field(
        False, description="in fine-tuning, divide the frozen weights among the GPUs (FSDP); it changes no result"
    )
    nodes: Count = Field(
        1,
        description="nodes of the cluster, each with as many GPUs, that a fine-tuning takes; more than one needs Slurm",
    )
    gpu_memory_gb: Annotated[float, Field(gt=0)] | None = Field(
        None, description="memory of one of them; a fine-tuning that is planned to need more is not submitted"
    )

    @property
    def is_embedded(self) -> bool:
        """Whether the pipeline makes this backbone itself."""
        return self.name == EMBEDDED_BACKBONE

    @property
    def is_directory(self) -> bool:
        """Whether the name is a directory of this machine."""
        return not self.is_embedded and Path(self.name).is_dir()

    @property
    def is_on_hub(self) -> bool:
        """Whether it comes from the Hugging Face hub."""
        return not self.is_embedded and not self.is_directory

    @property
    def identifier(self) -> str:
        """The name in paths of artifacts, of letters, digits and ``. _ - @``; it tells models apart."""
        quantization = "" if self.quantization is None else f"-{self.quantization}"
        if self.is_directory:
            resolved = Path(self.name).resolve()
            digest = hashlib.sha256(str(resolved).encode()).hexdigest()[:8]
            return re.sub(r"[^A-Za-z0-9._-]", "_", resolved.name) + "-" + digest + quantization
        name = self.name.replace("/", "--") + quantization
        return name if self.revision is None else f"{name}@{self.revision}"

    @property
    def processes(self) -> int:
        """The processes of a fine-tuning on each of its nodes: one for each GPU, and one without."""
        return 1 if self.is_embedded else max(1, self.gpus)


class EmbeddedBackboneSection(Section):
    """The small Llama of backbone.name embedded: its shape and its pretraining on the training split."""

    seed: Seed = Field(0, description="of initial weights and pretraining; constant over a study's seeds")
    vocabulary_size: Annotated[int, Field(ge=300)] = Field(6000, description="entries of the byte-level BPE")
    hidden_size: Count = Field(128, description="width")
    layers: Annotated[int, Field(ge=2)] = Field(3, description="Transformer layers")
    heads: Count = Field(2, description="attention heads")
    intermediate_size: Count = Field(352, description="width inside the feed-forward blocks")
    steps: Count = Field(2000, description="pretraining steps")
    batch_size: Count = Field(16, description="prompts in a step")
    learning_rate: Rate = Field(0.002, description="peak learning rate")
    warmup_steps: Annotated[int, Field(ge=0)] = Field(100, description="steps until the peak; cosine after it")
    weight_decay: Probability = Field(0.05, description="of AdamW")


class PromptSection(Section):
    """How a sequence is put into words."""

    order: Literal["candidates_first", "history_first"] = Field(
        "candidates_first", description="what comes first; history_first is the paper's"
    )
    behaviour_token: Literal["before_title", "after_title"] = Field(
        "before_title",
        description="where an item's behaviour token stands; after_title is the paper's",
    )
    template: Literal["plain", "chat"] = Field(
        "plain",
        description="plain is a text that the backbone goes on with; chat is the user's message in the backbone's own "
        "chat template, and the answer is the assistant's",
    )


class FinetuningValues(Section):
    """Everything that fine-tuning takes, for one data set."""

    rank: Count = Field(8, description="rank r of LoRA, shared out among the experts")
    alpha: Annotated[float, Field(gt=0)] = Field(32.0, description="LoRA's alpha")
    dropout: Probability = Field(0.0, description="on the input of LoRA")
    target_modules: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = Field(
        ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        description="linear layers that LoRA adapts",
    )
    experts: Count = Field(4, description="experts K of iLoRA, each of rank r/K")
    gate: Literal["linear", "residual_convolution", "top_k"] = Field(
        "linear",
        description="network from what the gate reads to the experts' weights: the paper's, the released code's, or "
        "a linear one that leaves all but the largest active_experts weights at zero",
    )
    active_experts: Count | None = Field(None, description="experts that a sequence uses, of gate top_k; else null")
    guidance: Literal["sequence_representation", "random_initialized", "token_collapsed", "shuffled", "constant"] = (
        Field(
            "sequence_representation",
            description="what the gate reads: the recommender's representation of the sequence (the paper); for "
            "comparison, a random vector for each sequence, the mean embedding of the prompt's tokens, another "
            "sequence's representation, or nothing (one gate for everyone)",
        )
    )
    scale: Literal["per_rank", "per_expert_rank"] = Field(
        "per_expert_rank",
        description="of iLoRA's update: alpha/r (the paper's Eq. 3), or alpha/(r/K) (the released code's), "
        "with which a uniform gate equals plain LoRA",
    )
    item_vectors: Literal["raw", "decorrelated"] = Field(
        "decorrelated",
        description="what the projector reads: the recommender's item embeddings as they are (the paper), or "
        "decorrelated and of one size, as the embedded backbone was taught to read them",
    )
    learning_rate: Rate = Field(0.002, description="peak learning rate of LoRA's weights")
    projector_learning_rate: Rate | None = Field(
        None, description="peak learning rate of the projector; null for that of LoRA"
    )
    gate_learning_rate: Rate | None = Field(0.002, description="peak learning rate of the gate; null for that of LoRA")
    batch_size: Count = Field(16, description="sequences in an optimizer step")
    gradient_accumulation: Count = Field(
        1, description="parts that a batch is computed in, to save memory; the step stays the same"
    )
    gradient_checkpointing: bool = Field(
        False,
        description="compute activations again in the backward pass instead of keeping them: less memory, more time",
    )
    length_grouped: bool = Field(
        False, description="batches of prompts of about the same length, at random, which saves padding"
    )
    steps: Count | None = Field(2800, description="optimizer steps; null when epochs says it")
    epochs: Annotated[float, Field(gt=0)] | None = Field(
        None, description="passes over the training sequences; null when steps says it"
    )
    warmup_fraction: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05, description="of the steps, until the peak learning rate; cosine after it"
    )
    curriculum: bool = Field(
        False, description="begin with text-only batches, fewer and fewer of them (LLaRA's curriculum)"
    )
    validation_every: Count | None = Field(
        None,
        description="optimizer steps between measurements of the loss over the validation split; null for none",
    )
    patience: Count | None = Field(
        None,
        description="measurements without a lower loss after which training stops and the state with the lowest is "
        "taken; null to train to the last step",
    )
    log_every: Count = Field(
        10, description="optimizer steps in a row of the training log; a training pauses at the end of a row only"
    )
    checkpoint_every: Count = Field(
        500, description="optimizer steps between the states that a killed training goes on from"
    )
    snapshots: tuple[Count, ...] = Field(
        (100, 300, 1000, 2000), description="optimizer steps after which the adapter is kept, besides the last"
    )


class FinetuningSection(FinetuningValues):
    """Fine-tuning of TALLRec and LLaRA (uniform LoRA) and iLoRA (instance-wise LoRA)."""

    preset: Literal["paper", "released"] | None = Field(
        None,
        description="replaces the values below by those of the paper or of its released code, for each data "
        "set; null for the values below",
    )
    per_dataset: dict[Dataset, dict[str, JsonValue]] = Field(
        default={},
        description="values for one data set, such as {steam: {rank: 16}}; they win over the preset and over "
        "the values below",
    )
    per_method: dict[TunedMethod, dict[str, JsonValue]] = Field(
        default={name: dict(method.finetuning) for name, method in LANGUAGE_MODEL_METHODS.items() if method.finetuning},
        description="values for one method; they win over all others. TALLRec's are those of its own paper",
    )


class DecodingSection(Section):
    """How the language model answers."""

    batch_size: Count = Field(32, description="prompts that are answered together")
    maximum_new_tokens: Count = Field(32, description="tokens of an answer, if it does not end before")
    constrained: bool = Field(False, description="write nothing but titles of candidates, whatever their length")
    candidate_score: Literal["sum", "mean"] = Field(
        "sum",
        description="log-probability that scores a candidate beside the text: of its whole title, or the mean over "
        "the title's tokens, which favours long titles",
    )


class ChatSection(Section):
    """The chat model of gpt4 (the text prompt) and chatrec (ChatRec), at any OpenAI-compatible endpoint."""

    base_url: Text | None = Field(
        None, description="address of the endpoint; null for CHAT_BASE_URL of the environment, else OpenAI's own"
    )
    model: Text = Field("gpt-4o-2024-08-06", description="name of the model there; the prices below are its own")
    key_variable: Text | None = Field(
        "CHAT_API_KEY",
        description="name of the environment variable that holds the key; while it is not set, the methods are not "
        "run; null for a server that wants no key",
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        0.0, description="of the sampling; null for a model that does not take one"
    )
    maximum_answer_tokens: Count = Field(64, description="tokens after which an answer is cut off")
    answer_limit: Literal["max_completion_tokens", "max_tokens"] = Field(
        "max_completion_tokens", description="the parameter that says so; many local servers know max_tokens only"
    )
    draws: Count = Field(1, description="candidate sets of each sequence that are asked about, the first of data.draws")
    input_usd_per_million: Annotated[float, Field(ge=0)] = Field(2.5, description="price of a million prompt tokens")
    output_usd_per_million: Annotated[float, Field(ge=0)] = Field(10.0, description="price of a million answer tokens")
    max_cost_usd: Annotated[float, Field(ge=0)] = Field(
        5.0, description="what may be spent in all, by every run with the same results; asking stops before more is"
    )
    requests_per_minute: Annotated[float, Field(gt=0)] = Field(120.0, description="requests that may start in a minute")
    concurrency: Count = Field(4, description="requests that may wait for an answer at once")
    timeout_seconds: Annotated[float, Field(gt=0)] = Field(60.0, description="wait for an answer before asking again")
    attempts: Count = Field(6, description="at one request, with growing pauses, before the run is given up")

    @property
    def identifier(self) -> str:
        """The model's name in paths of artifacts, of letters, digits and ``. _ - @``."""
        return re.sub(r"[^A-Za-z0-9._@-]", "_", self.model.replace("/", "--"))


class StatisticsSection(Section):
    """The uncertainty that stands beside every number."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(0.95, description="of the intervals")
    bootstrap_samples: Annotated[int, Field(ge=100)] = Field(2000, description="resamples of the users")
    bootstrap_seed: Seed = Field(0, description="seed of the resamples")


class AnalysisSection(Section):
    """Clusters of sequences, and the gradients on them (Fig. 1 and 3 of the paper)."""

    clusters: Annotated[int, Field(ge=2)] = Field(8, description="k-means clusters of sequences; the paper has 8")
    restarts: Count = Field(10, description="initialisations of k-means, of which the best counts")
    seed: Seed = Field(0, description="of the clusters and of every sample of sequences below")
    silhouette_sequences: Count = Field(5000, description="training sequences that the silhouette is measured on")
    blocks: Annotated[int, Field(ge=2)] = Field(
        8, description="blocks of sequences in a cluster, each with a gradient of its own; intervals draw them again"
    )
    sequences_per_block: Count = Field(64, description="sequences in a block; a cluster with too few gets no gradient")
    batch_size: Count = Field(16, description="sequences whose gradient is computed at once")
    case_study_sequences: Annotated[int, Field(ge=2)] = Field(
        64, description="sequences that the pairs of the case study are chosen from"
    )


class FiguresSection(Section):
    """What the figures show."""

    expert_attention_sequences: Count = Field(10, description="sequences in the figure of expert attention")
    snapshot_draws: Count = Field(
        3, description="candidate sets of each sequence that the snapshots of a sweep with by_epoch are answered on"
    )
    gradients: bool = Field(
        False,
        description="clusters, gradient similarity (Fig. 1 and 3 of the paper) and the case study: some minutes more "
        "for each of finetuning.snapshots",
    )


class SweepSection(Section):
    """One setting of the tuned methods over several values, all else as in the study."""

    methods: Annotated[tuple[TunedMethod, ...], Field(min_length=1)] = Field(
        ("ilora",),
        description="what is tuned at each value; the first, as the study sets it, is compared with the rest",
    )
    parameter: Text = Field(
        description="what varies: guide (of recommenders), or a key of finetuning such as experts or preset"
    )
    values: Annotated[tuple[JsonValue, ...], Field(min_length=2)] = Field(
        description="of the parameter; the study's own must be among them"
    )
    settings: dict[str, JsonValue] = Field(
        default={}, description="what else the runs of this sweep replace, all of them, such as {steps: 700}"
    )
    datasets: Annotated[tuple[Dataset, ...], Field(min_length=1)] | None = Field(
        None, description="data sets; null for the study's"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] | None = Field(
        None, description="seeds; null for the study's"
    )
    by_epoch: bool = Field(False, description="also draw HitRatio@1 over training, from the snapshots of every run")
    title: Text | None = Field(None, description="what its figure is headed with; null for the parameter's name")


class NegativeTransferSection(Section):
    """Synthetic users in groups that contradict each other: negative transfer by itself."""

    degrees: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        (), description="shares of the items on which the groups' rules differ; none leaves this study out"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1, 2, 3, 4, 5), description="of users, representations and initial weights"
    )
    groups: Annotated[int, Field(ge=2)] = Field(4, description="groups of users, and experts K of iLoRA")
    items: Count = Field(48, description="items that all groups share")
    history: Annotated[int, Field(ge=2)] = Field(6, description="items in a history")
    backbone_seed: Seed = Field(0, description="of the backbone's initial weights and pretraining, constant over seeds")
    pretraining_steps: Count = Field(1500, description="steps of the backbone's pretraining")
    rank: Count = Field(8, description="rank r of LoRA, shared out among the experts")
    alpha: Annotated[float, Field(gt=0)] = Field(32.0, description="LoRA's alpha")
    steps: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (100, 300), description="optimizer steps after which hits are counted; the last ends the tuning"
    )
    batch_size: Count = Field(64, description="sequences in a step, of all groups equally many")
    learning_rate: Rate = Field(0.005, description="peak learning rate of LoRA and gate")
    test_sequences: Count = Field(2000, description="sequences that hits are counted on")


class ResourcesSection(Section):
    """Limits of what a rule may ask for: requests grow with each attempt and stop here."""

    maximum_minutes: Count = Field(1440, description="longest run of a job, in minutes; at most the partition's")
    maximum_megabytes: Count = Field(128_000, description="largest memory of a job, in megabytes")


class StudyConfig(Section):
    """A study: what is compared, on which data, with which settings. Changes rerun what depends on them."""

    study: Annotated[str, Field(pattern=_LABEL)] = Field("embedded-default", description="a name for the report")
    results: Annotated[str, Field(pattern=_FOLDER)] = Field("results", description="folder of everything that is made")
    datasets: Annotated[tuple[Dataset, ...], Field(min_length=1)] = Field(
        ("movielens",), description="data sets [movielens, lastfm, steam, or a name of data.own]"
    )
    protocol: Protocol = Field(
        "published",
        description="published rebuilds the splits that the paper was measured on; chronological is "
        "leave-one-out in real time order",
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1,), description="each trains the recommenders and tunes the language model once"
    )
    methods: Annotated[tuple[Method, ...], Field(min_length=1)] = Field(
        ("popularity", "markov", "gru4rec", "caser", "sasrec", "zero_shot", "llara", "ilora"),
        description="rows of the table",
    )
    sweeps: dict[Annotated[str, Field(pattern=_NAME)], SweepSection] = Field(
        default={},
        description="ablations by name, a figure each, such as {experts: {parameter: experts, values: [1, 2, 4, 8]}}; "
        "studies/embedded.yaml has more",
    )
    data: DataSection = DataSection()
    recommenders: RecommendersSection = RecommendersSection()
    backbone: BackboneSection = BackboneSection()
    embedded_backbone: EmbeddedBackboneSection = EmbeddedBackboneSection()
    prompt: PromptSection = PromptSection()
    finetuning: FinetuningSection = FinetuningSection()
    decoding: DecodingSection = DecodingSection()
    chat: ChatSection = ChatSection()
    statistics: StatisticsSection = StatisticsSection()
    analysis: AnalysisSection = AnalysisSection()
    figures: FiguresSection = FiguresSection()
    negative_transfer: NegativeTransferSection = NegativeTransferSection()
    resources: ResourcesSection = ResourcesSection()

    @property
    def known_datasets(self) -> tuple[str, ...]:
        """The data sets that the study could take: the built-in ones and its own."""
        return (*BUILT_IN_DATASETS, *self.data.own)
