"""From float models to int8: the methods, and the checks before and after."""
