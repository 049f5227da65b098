"""The local control socket: what is said over it, who answers, who asks."""
