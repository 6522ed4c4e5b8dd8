"""Tables and figures, and the published numbers that stand beside ours."""
