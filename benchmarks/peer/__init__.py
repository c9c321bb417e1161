"""TFLM with CMSIS-NN, built from checkouts and measured as our own firmware is."""
