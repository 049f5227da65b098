"""The process among other processes: its manager, its watchdog, its signals, its limits."""
