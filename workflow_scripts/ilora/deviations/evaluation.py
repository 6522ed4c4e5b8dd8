"""Deviations of the evaluation: what is counted, what is a valid answer, and which cells cannot be reproduced."""

from collections.abc import Iterator

from ilora.deviations.declaration import Declared, Deviation, Settings, those_that_hold
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.paper_reference import cells_that_are_no_counts

_DECLARED = (
    Declared(
        Deviation(
            "HitRatio@1",
            "For iLoRA, the released code counts hits among valid answers, without the last, partial batch (0.5275 on "
            "MovieLens is 48 of 91). For the other methods, hits are counted among all answers.",
            "Hits among all answers, for every method and with no batch left out. The released code's count is "
            "reported under its own name, and the verdict on iLoRA's cell uses it.",
            "Leaving out invalid answers can only raise a method's number, and raises it more the more of them there "
            "are.",
        ),
        lambda study: True,
    ),
    Declared(
        Deviation(
            "Valid answers",
            "In the released code, an answer is valid if its line contains exactly one candidate's title, regardless "
            "of case and surrounding text.",
            "An answer is valid if its line is the title of exactly one candidate. The count by the released rule is "
            "reported too.",
            "By the released rule, a correct answer whose title contains another candidate's (Portal 2 and Portal) is "
            "invalid, and an answer with words around a title is valid.",
        ),
        lambda study: True,
    ),
    Declared(
        Deviation(
            "Answers that begin with a newline",
            "The released code strips white space from both ends of an answer before it cuts at the first newline.",
            "The same: the first line that is not blank is the answer, by every rule of validity.",
            "An untuned model often begins with a newline. Cut there, its answer would be empty and invalid.",
        ),
        lambda study: study.generates or study.chats,
    ),
    Declared(
        Deviation(
            "Padding of prompts",
            "On the right in the released generation code, so that the shorter prompts of a batch are continued after "
            "their padding.",
            "On the left: every answer directly follows its prompt.",
            "Answers here do not depend on the other prompts of a batch. How many of the paper's answers did is "
            "unknown.",
        ),
        lambda study: study.generates,
    ),
    Declared(
        Deviation(
            "Equal scores",
            "Tie-breaking is not specified.",
            "The first of the tied candidates in the shuffled set is chosen; the notes of Table 1 report how often.",
            "Equivalent to a random choice among them, because the order of a set is independent of its target.",
        ),
        lambda study: True,
    ),
)


def evaluation_deviations(study: Settings) -> Iterator[Deviation]:
    """Yield the deviations of metrics, answers and the paper's own cells."""
    yield from those_that_hold(_DECLARED, study)
    cells = [
        f"{dataset_label(dataset)} {method_label(method)} {printed:.4f}"
        for dataset, method, printed in cells_that_are_no_counts()
        if study.splits_by_user and study.has(dataset) and study.compares_any_of([method])
    ]
    if cells:
        yield Deviation(
            "Values that match no count",
            f"No number of hits among its test answers gives {', '.join(cells)}: neither among all answers nor among "
            "the valid ones, with or without a last, partial batch, nor as a recommender's mean over five seeds.",
            "Every HitRatio@1 is a number of hits divided by a number of answers.",
            "These values cannot be reproduced exactly; Table 1 marks them beside the verdict. Their origin is "
            "unknown.",
        )
