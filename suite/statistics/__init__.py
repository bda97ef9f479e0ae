"""Statistics of runs: arrays in, named tuples out, every random draw from a generator that the caller passes in."""
