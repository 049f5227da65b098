"""The program `claude-runner`: one module per group of commands."""
