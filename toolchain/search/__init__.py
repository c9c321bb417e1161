"""``mcuforge search``: a format for each layer, found under budgets, with the planner's costs in the loop."""
