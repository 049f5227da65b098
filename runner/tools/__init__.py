"""What the resident may do in a session: its commands, its files, and the guard before both."""
