"""How methods age when users change: with items withheld from training, and over periods of a global clock."""
