"""Fine-tuning: a float model is trained on until its weights do well as the few values that a format has."""
