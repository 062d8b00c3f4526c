"""The command line: same functions, same store as the pages."""
