"""Sequential recommenders of RecBole (SASRec, GRU4Rec, Caser; MoRec on SASRec): trained, exported in our ids, scored.

The only room that imports RecBole.
"""
