"""What a person may do to the running process, whatever door the question comes through."""
