"""What goes on inside the trained adapters."""
