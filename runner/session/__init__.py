"""One wake from prompt to last hook: domain code that runs with no actor and no server."""
