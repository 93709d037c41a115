"""`python -m retrieval …` is the same as the command `pixtrieve …`."""

from retrieval.commands import main

if __name__ == "__main__":
    main()
