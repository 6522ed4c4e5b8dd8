"""Amazon reviews of 2014, Toys and Games."""

from ilora.datasets.amazon_reviews import amazon_dataset
from ilora.datasets.declaration import Published, PublishedRanking

DATASET = amazon_dataset(
    "amazon_toys",
    "Amazon Toys",
    "Toys_and_Games",
    Published(
        statistics={"users": 19_412, "items": 11_924, "interactions": 167_597},
        full_ranking=(
            PublishedRanking("TIGER", "TIGER's authors (arXiv 2305.05065)", {"recall@5": 0.0521}),
            PublishedRanking(
                "CoFiRec",
                "an independent run",
                {"recall@10": 0.0326, "ndcg@10": 0.0168},
                "beam 30, seen items excluded",
            ),
        ),
    ),
)
