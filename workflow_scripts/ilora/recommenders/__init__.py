"""Sequential recommenders of RecBole (SASRec, GRU4Rec, Caser): trained, exported in our item ids, and scored.

The only room that imports RecBole.
"""
