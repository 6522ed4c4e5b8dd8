"""Deviations of the evaluation: what is counted, what is a valid answer, and which cells cannot be repeated."""

from collections.abc import Iterator

from ilora.deviations.declaration import Declared, Deviation, Settings, those_that_hold
from ilora.plotting.labels import dataset_label, method_label
from ilora.plotting.paper_reference import cells_that_are_no_counts

_DECLARED = (
    Declared(
        Deviation(
            "HitRatio@1",
            "iLoRA's is counted by the released code: hits among valid answers, without the last, partial batch "
            "(0.5275 on MovieLens is 48 of 91). The others' are hits among all answers.",
            "Hits among all answers, for every method. The released code's count stands beside it under a name of its "
            "own, and the verdict on iLoRA's cell uses it. No batch is left out.",
            "Leaving out invalid answers can only raise a method's number, the more of them it gives.",
        ),
        lambda study: True,
    ),
    Declared(
        Deviation(
            "Valid answers",
            "By the released code, exactly one candidate's title occurs in the answer's line, whatever its case and "
            "whatever stands around it.",
            "The answer's line is the title of exactly one candidate. The count by the released rule stands beside it.",
            "By the released rule, a right answer whose title contains another candidate's (Portal 2 and Portal) is "
            "invalid, and an answer with words around a title is valid.",
        ),
        lambda study: True,
    ),
    Declared(
        Deviation(
            "Answers that begin with a newline",
            "The released code takes white space off both ends of an answer before it cuts at the first newline.",
            "The same: the first line that is not blank is the answer, by every rule of validity.",
            "An untuned model often begins with a newline. Cut there, its answer would be empty, and invalid.",
        ),
        lambda study: study.generates or study.chats,
    ),
    Declared(
        Deviation(
            "Padding of prompts",
            "On the right in the released generation, so that a shorter prompt of a batch is continued behind its "
            "padding.",
            "On the left: every answer follows its own prompt.",
            "An answer here does not depend on which prompts are answered together. How many of the paper's answers "
            "did is not known here.",
        ),
        lambda study: study.generates,
    ),
    Declared(
        Deviation(
            "Equal scores",
            "Not said.",
            "The first of the tied candidates in the shuffled set is chosen; the notes of Table 1 say how often.",
            "As good as choosing among them at random: the order of a set says nothing of its target.",
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
            "Cells that are no counts",
            f"No number of hits among its test answers gives {', '.join(cells)}: neither among all answers nor among "
            "the valid ones, with or without a last, partial batch, nor as a recommender's mean over five seeds.",
            "Every HitRatio@1 is a number of hits divided by a number of answers.",
            "These values cannot be reached exactly; Table 1 marks them beside the verdict. How they came about is not "
            "known here.",
        )
