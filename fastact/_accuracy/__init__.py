"""How accurate the activations are: the definitions in mpmath, measuring against them, and what was measured."""
