"""A simulation of recommend, click and retrain over many rounds, with users whose taste is known.

The users are those of `ilora.negative_transfer`: groups that follow the same rule on some items and contradict each
other on the rest. Here the groups are of unequal size, their taste drifts at a known rate, and clicks are biased by
position with known probabilities. Nobody real is in it: docs/feedback.md has the assumptions.
"""
