"""`python -m producers` runs the commands."""

from producers.cli import main

if __name__ == "__main__":
    main()
