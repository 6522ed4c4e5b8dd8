"""A study: its methods and files, the parameters that rules pass to their scripts, and the resources of jobs.

Rules only connect these. Nothing here imports Snakemake, torch or matplotlib.
"""
