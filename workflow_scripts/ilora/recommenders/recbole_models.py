"""RecBole's model classes, imported without what the import changes in torch."""

import torch

# One of RecBole's models switches torch's anomaly detection on when it is imported, which makes every later
# step of the process half as slow again: leave it as it was.
with torch.autograd.set_detect_anomaly(torch.is_anomaly_enabled()):
    from recbole.model.sequential_recommender import Caser, GRU4Rec, SASRec

__all__ = ["Caser", "GRU4Rec", "SASRec"]
