"""Negative transfer in isolation: synthetic users whose rules contradict each other to a chosen degree.

Items form a ring; a user's next item is a fixed stride from the last one. Groups of users share a rule on some of the
items and have their own rules on the rest. Text, sparse data and recommenders, as other sources of error, are excluded.
"""
