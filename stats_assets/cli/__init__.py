"""The command line: `main` gives each command its name, a module each says what it does."""
