"""``mcuforge sensitivity``: what each layer bears, format by format, why, and what to do about it."""
