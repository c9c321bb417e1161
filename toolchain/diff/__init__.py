"""Layer by layer: float model, oracle, generated C on this computer and on the board, side by side."""
