"""Amazon reviews of 2014, Sports and Outdoors."""

from ilora.datasets.amazon_reviews import amazon_dataset
from ilora.datasets.declaration import Published, PublishedRanking

DATASET = amazon_dataset(
    "amazon_sports",
    "Amazon Sports",
    "Sports_and_Outdoors",
    Published(
        statistics={"users": 35_598, "items": 18_357, "interactions": 296_337},
        full_ranking=(
            PublishedRanking("TIGER", "TIGER's authors (arXiv 2305.05065)", {"recall@5": 0.0264}),
            PublishedRanking(
                "CoFiRec",
                "an independent run",
                {"recall@10": 0.2025, "ndcg@10": 0.0941},
                "beam 30, seen items excluded; its author calls the value suspicious, as if many items shared ids",
            ),
        ),
    ),
)
