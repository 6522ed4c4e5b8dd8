"""Fine-tuning an adapter: examples, training loop, checkpoints, processes and memory estimates."""
