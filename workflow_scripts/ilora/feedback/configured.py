"""From the configuration to users, display and retraining."""

from ilora.configuration.sections.feedback import FeedbackSection
from ilora.configuration.sections.negative_transfer import NegativeTransferSection
from ilora.feedback.retraining import RetrainingSettings
from ilora.feedback.simulation import Display
from ilora.feedback.users import Relevance, SimulatedUsers, group_sizes
from ilora.negative_transfer.groups import SyntheticGroups


def simulated_users(section: FeedbackSection, synthetic: NegativeTransferSection, seed: int) -> SimulatedUsers:
    """Return the users that a study describes."""
    return SimulatedUsers(
        rules=SyntheticGroups(synthetic.items, synthetic.groups, section.degree, seed),
        group_sizes=group_sizes(section.users, section.group_shares),
        history=synthetic.history,
        relevance=Relevance(section.relevance_of_next, section.relevance_of_others),
        drift=section.taste_drift,
        seed=seed,
    )


def display(section: FeedbackSection) -> Display:
    """Return how a study shows items."""
    return Display(section.examination, section.exploration)


def retraining_of_sasrec(section: FeedbackSection, seed: int) -> RetrainingSettings:
    """Return how a study retrains SASRec after each round."""
    return RetrainingSettings(
        section.retraining, section.recommender_steps, section.batch_size, section.recommender_learning_rate, seed
    )


def tuning_of_adapters(section: FeedbackSection, seed: int) -> RetrainingSettings:
    """Return how a study tunes LoRA and iLoRA after each round."""
    return RetrainingSettings(
        section.retraining, section.adapter_steps, section.batch_size, section.adapter_learning_rate, seed
    )
