"""`make demo`: the operator's job as a story that a newcomer follows line by line, against a real API server.

`story.py` is the story, `cast.py` what differs on a cluster of your own; the rest is the stage it is played on.
"""

from __future__ import annotations


class NotSeenError(Exception):
    """Something that should hold was not seen to hold. The text says what, and what was seen instead."""
