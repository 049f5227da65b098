"""What wakes the resident beside the clock: its own wishes, letters, visitors. Rules are pure; files stand apart."""
