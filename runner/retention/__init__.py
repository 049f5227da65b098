"""What is let go of in time: a pure plan, and the sweep that carries it out."""
