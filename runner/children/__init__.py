"""Child processes: every one is begun here, and here it is made sure that nothing of it is left."""
