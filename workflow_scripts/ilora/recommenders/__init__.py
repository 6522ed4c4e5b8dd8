"""Sequential recommenders of RecBole (SASRec, GRU4Rec, Caser, and MoRec on SASRec): trained, exported in our item ids, and scored.

The only room that imports RecBole.
"""
