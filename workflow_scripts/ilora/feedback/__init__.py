"""A simulated feedback loop of recommending, clicking and retraining over many rounds, with known user preferences.

The users are those of `ilora.negative_transfer`: groups that follow the same rule on some items and contradict each
other on the rest. Here the groups have unequal sizes, their preferences drift at a known rate, and clicks have position
bias with known probabilities. All users are simulated; docs/feedback.md lists the assumptions.
"""
