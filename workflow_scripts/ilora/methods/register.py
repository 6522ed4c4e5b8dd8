"""The methods that a study can compare, in the order of the rows of Table 1.

No script that trains or predicts imports this module, so adding a method reruns only tables and figures.
"""

from ilora.methods.declaration import LanguageModelMethod

#: Labels of the count-based baselines, by id. `workflow_scripts/score_baseline.py` scores them.
BASELINES = {"popularity": "Popularity", "markov": "Markov chain"}

#: Labels of the sequential recommenders, by id. `ilora.recommenders` trains them.
RECOMMENDERS = {
    "gru4rec": "GRU4Rec",
    "caser": "Caser",
    "sasrec": "SASRec",
    # Yang et al. 2022, arXiv 2210.13005.
    "caseq": "CaseQ",
    # Its ablation: branching layers, trained only by likelihood.
    "caseq_without_kl": "CaseQ without KL",
    "morec": "MoRec",
}

#: Labels of the generative recommenders, by id. `ilora.generative` trains them.
GENERATORS = {"tiger": "TIGER", "cofirec": "CoFiRec"}

#: Labels of the chat methods, by id. `ilora.baselines.chat` sends their requests.
CHAT_METHODS = {"gpt4": "Chat LLM", "chatrec": "ChatRec"}

_DECLARED = (
    # The paper's Llama2, with the backbone of the study.
    LanguageModelMethod("zero_shot", "Untuned LLM", prompt="text", adapter="none"),
    # Bao et al. 2023, arXiv 2305.00447: its LoRA settings, but choosing among candidates instead of yes or no.
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

#: Those that fine-tune.
TUNED_METHODS = tuple(name for name, method in LANGUAGE_MODEL_METHODS.items() if method.is_tuned)

#: Methods that can score or list all items, and so have a row in Table 2; those of the language model only if prompts
#: list no candidates.
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
