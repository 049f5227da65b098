"""What can go wrong with a tool."""


class RefusedToolError(Exception):
    """The resident asked for something its tools do not do; the text goes back to it as the tool's result."""
