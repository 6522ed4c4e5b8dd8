"""What figures and tables share: style, labels, formats and published numbers."""
