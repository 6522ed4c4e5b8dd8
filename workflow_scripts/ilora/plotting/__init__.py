"""What figures and tables share: their look, labels and formats, and the published numbers that stand beside ours."""
