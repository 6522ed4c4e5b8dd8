"""RecBole's model classes, imported without side effects on torch."""

import torch

# Importing one of RecBole's models enables torch's anomaly detection, which makes every later step of the process half
# as slow again. The context restores the previous setting.
with torch.autograd.set_detect_anomaly(torch.is_anomaly_enabled()):
    from recbole.model.sequential_recommender import Caser, GRU4Rec, SASRec

__all__ = ["Caser", "GRU4Rec", "SASRec"]
