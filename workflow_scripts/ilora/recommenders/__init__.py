"""Sequential recommenders of RecBole, and MoRec and CaseQ on them: trained, exported in our ids, scored.

The only room that imports RecBole.
"""
