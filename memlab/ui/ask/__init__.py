"""The page Ask: the prompt bar, the answer, its neighbors, comparing and exporting."""
