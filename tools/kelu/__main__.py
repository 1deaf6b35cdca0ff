"""`python -m kelu`: the same as the command `kelu`."""

from kelu.cli import main

if __name__ == "__main__":  # worker processes import this module anew
    main(prog_name="kelu")
