"""`python -m memlab.cli`: the same as `memlab`."""

from memlab.cli import main

if __name__ == "__main__":
    main()
