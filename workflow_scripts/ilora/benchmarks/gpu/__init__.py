"""What one GPU does with all of this, in eight minutes: `make gpu`. Without a GPU, the same in miniature."""
