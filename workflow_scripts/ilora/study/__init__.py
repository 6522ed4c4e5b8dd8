"""What a study consists of: its methods and files, what each rule hands to its script, and what a job asks for.

Rules only wire what stands here. Nothing here imports Snakemake, torch or matplotlib.
"""
