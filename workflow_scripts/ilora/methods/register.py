"""The methods that a study can compare, in the order of the rows of Table 1.

What has to run again when a method is added are tables and figures: no script that trains or answers imports this.
"""

from ilora.methods.declaration import LanguageModelMethod

#: Baselines that are counted, by id: their labels. `workflow_scripts/score_baseline.py` has what scores.
BASELINES = {"popularity": "Popularity", "markov": "Markov chain"}

#: Sequential recommenders, by id: their labels. `ilora.recommenders` trains them.
RECOMMENDERS = {
    "gru4rec": "GRU4Rec",
    "caser": "Caser",
    "sasrec": "SASRec",
    # Yang et al. 2022, arXiv 2210.13005.
    "caseq": "CaseQ",
    # Its ablation: the layers branch, and nothing but the likelihood is learnt from.
    "caseq_without_kl": "CaseQ without KL",
    "morec": "MoRec",
}

#: Recommenders that write the id of the next item, by id: their labels. `ilora.generative` trains them.
GENERATORS = {"tiger": "TIGER", "cofirec": "CoFiRec"}

#: Chat models behind an endpoint, by id: their labels. `ilora.baselines.chat` asks them.
CHAT_METHODS = {"gpt4": "Chat LLM", "chatrec": "ChatRec"}

_DECLARED = (
    # Llama2 of the paper, with the backbone of the study.
    LanguageModelMethod("zero_shot", "Untuned LLM", prompt="text", adapter="none"),
    # Bao et al. 2023, arXiv 2305.00447: its LoRA, and choosing among candidates in place of its yes or no.
    LanguageModelMethod(
        "tallrec",
        "TALLRec",
        prompt="text",
        adapter="uniform",
        finetuning={"r": 8, "lora_alpha": 16.0, "target_modules": ["q_proj", "v_proj"]},
    ),
    # Liao et al. 2024, arXiv 2312.02445.
    LanguageModelMethod("llara", "LLaRA", prompt="hybrid", adapter="uniform"),
    # Kong et al. 2024, arXiv 2408.10159.
    LanguageModelMethod("ilora", "iLoRA", prompt="hybrid", adapter="instance_wise"),
)

#: Methods of the language model, by id.
LANGUAGE_MODEL_METHODS = {method.name: method for method in _DECLARED}

#: Of these, the ones that fine-tune.
TUNED_METHODS = tuple(name for name, method in LANGUAGE_MODEL_METHODS.items() if method.is_tuned)

#: The methods that can score or list all items, and so have a row of Table 2; those of the language model only where
#: its prompts list no candidates.
FULL_RANKING = ("popularity", "markov", *RECOMMENDERS, *GENERATORS, *LANGUAGE_MODEL_METHODS)

#: The label of every method, by id.
LABELS = {
    **BASELINES,
    **RECOMMENDERS,
    **GENERATORS,
    **{method.name: method.label for method in _DECLARED if not method.is_tuned},
    **CHAT_METHODS,
    **{method.name: method.label for method in _DECLARED if method.is_tuned},
}
