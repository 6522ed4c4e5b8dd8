"""Amazon reviews of 2014, Beauty."""

from ilora.datasets.amazon_reviews import amazon_dataset
from ilora.datasets.declaration import Published, PublishedRanking

_TIGER = "TIGER's authors (arXiv 2305.05065)"
_BENCHMARK = "an independent benchmark (RecBoard), five seeds"
_CORNAC = "cornac"

DATASET = amazon_dataset(
    "amazon_beauty",
    "Amazon Beauty",
    "Beauty",
    Published(
        statistics={"users": 22_363, "items": 12_101, "interactions": 198_502},
        full_ranking=(
            PublishedRanking("SASRec", _TIGER, {"ndcg@10": 0.0318}),
            PublishedRanking(
                "TIGER", _TIGER, {"recall@5": 0.0454, "ndcg@5": 0.0321, "recall@10": 0.0648, "ndcg@10": 0.0384}
            ),
            PublishedRanking("SASRec, binary cross-entropy", _BENCHMARK, {"ndcg@10": 0.0344}, "± 0.0009"),
            PublishedRanking("HSTU", _BENCHMARK, {"ndcg@10": 0.0541}, "± 0.0006"),
            PublishedRanking("TIGER, its best variant", _BENCHMARK, {"ndcg@10": 0.0338}, "± 0.0007"),
            PublishedRanking(
                "SASRec, cross-entropy", "a user of LETTER, with RecBole", {"recall@10": 0.0821, "ndcg@10": 0.0405}
            ),
            PublishedRanking("TIGER, residual k-means", _CORNAC, {"recall@10": 0.0564, "ndcg@10": 0.0288}, "50 epochs"),
            PublishedRanking("TIGER, RQ-VAE", _CORNAC, {"recall@10": 0.0634, "ndcg@10": 0.0338}, "200,000 steps"),
            PublishedRanking(
                "CoFiRec",
                "an independent run",
                {"recall@10": 0.0627, "ndcg@10": 0.0321},
                "beam 30, seen items excluded",
            ),
        ),
    ),
)
