"""Fine-tuning an adapter: examples, loop, checkpoints, processes, and the memory that it takes."""
