"""`python -m memlab` is the command `memlab`."""

from memlab.cli import main

if __name__ == "__main__":
    main(prog_name="memlab")
