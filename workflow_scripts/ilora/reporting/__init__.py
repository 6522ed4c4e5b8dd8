"""How figures, tables and pages are declared, and what they share: captions, sources, and parts of pages."""
