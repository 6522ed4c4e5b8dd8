"""RecBole's sequential recommenders, with MoRec and CaseQ based on them: training, export in our item ids, scoring.

This is the only package that imports RecBole.
"""
