"""Declarations of figures, tables and pages, and what they share: captions, sources, findings, parts of pages."""
