"""The page Read, part by part: what is read, how, the strip of tokens, one token, what it adds up to."""
