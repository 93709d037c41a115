"""`python cli.py …` is the same as the installed command `pixtrieve …`."""

from retrieval.commands import main

if __name__ == "__main__":
    main()
