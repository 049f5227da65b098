"""Letters: one thread of messages for each correspondent, and which of them wait for an answer."""

from runner.correspondence.threads import RESIDENT, LetterRefused, Message, Threads, read_letter, unanswered

__all__ = ["RESIDENT", "LetterRefused", "Message", "Threads", "read_letter", "unanswered"]
