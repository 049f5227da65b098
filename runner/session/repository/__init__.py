"""The home's repository as the program uses it: what may be kept is kept, and nothing that lies in the home is run."""
