"""Users, display and retraining settings from the configuration."""

from ilora.configuration.sections.feedback import FeedbackSection
from ilora.configuration.sections.negative_transfer import NegativeTransferSection
from ilora.feedback.retraining import RetrainingSettings
from ilora.feedback.simulation import Display
from ilora.feedback.users import Relevance, SimulatedUsers, group_sizes
from ilora.negative_transfer.groups import SyntheticGroups


def simulated_users(section: FeedbackSection, synthetic: NegativeTransferSection, seed: int) -> SimulatedUsers:
    """Return the simulated users of a study."""
    return SimulatedUsers(
        rules=SyntheticGroups(synthetic.items, synthetic.groups, section.degree, seed),
        group_sizes=group_sizes(section.users, section.group_shares),
        history=synthetic.history,
        relevance=Relevance(section.relevance_of_next, section.relevance_of_others),
        drift=section.taste_drift,
        seed=seed,
    )


def display(section: FeedbackSection) -> Display:
    """Return the display settings of a study."""
    return Display(section.examination, section.exploration)


def retraining_of_sasrec(section: FeedbackSection, seed: int) -> RetrainingSettings:
    """Return the settings for retraining SASRec after each round."""
    return RetrainingSettings(
        section.retraining, section.recommender_steps, section.batch_size, section.recommender_learning_rate, seed
    )


def tuning_of_adapters(section: FeedbackSection, seed: int) -> RetrainingSettings:
    """Return the settings for tuning LoRA and iLoRA after each round."""
    return RetrainingSettings(
        section.retraining, section.adapter_steps, section.batch_size, section.adapter_learning_rate, seed
    )
