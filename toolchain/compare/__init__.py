"""``mcuforge compare``: one model in many number formats, each deployed and measured, side by side."""
