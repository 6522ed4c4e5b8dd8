"""The baselines that score candidates, by method id."""

from ilora.baselines.markov import score_by_markov
from ilora.baselines.popularity import score_by_popularity

SCORERS = {"popularity": score_by_popularity, "markov": score_by_markov}
