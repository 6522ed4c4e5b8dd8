"""`ilora bench scale`: the cost of serving as users grow, and of preparing and evaluating 10 million interactions."""
