"""Where each target stands among all items of the catalogue, by any method that can score or list them."""
