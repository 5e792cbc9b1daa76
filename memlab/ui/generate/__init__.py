"""The page Generate, part by part: the prompt, how it is continued, the texts side by side, one step, the tree."""
