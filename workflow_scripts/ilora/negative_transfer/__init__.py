"""Synthetic users whose rules contradict each other to a chosen degree: negative transfer by itself.

Items stand on a ring; a user's next item lies some strides from the last one. Groups of users share a rule on some of
the items and have rules of their own on the rest. Nothing else can go wrong: no text, no sparse data, no recommender.
"""
