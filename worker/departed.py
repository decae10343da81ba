"""Departed users: whoever was forgotten loses the published list too, unless a newer one stands there by then."""

from collections import deque

from worker.ports import ListSink

MOST_USERS = 100_000  # that wait while the store is away; the lists of others stay until their time to live ends
USERS_PER_CALL = 500


class Departed:
    """Users who were forgotten, with the position up to which their lists are to go."""

    def __init__(self, most_users: int = MOST_USERS) -> None:
        self._left = 0
        self._most_users = most_users
        self._waiting: deque[tuple[str, list[str]]] = deque()
        self._users = 0

    def __len__(self) -> int:
        return self._users

    def add(self, position: str, user_ids: list[str]) -> None:
        """They were forgotten at this position."""
        for start in range(0, len(user_ids), USERS_PER_CALL):
            self._waiting.append((position, user_ids[start : start + USERS_PER_CALL]))
        self._users += len(user_ids)
        while self._users > self._most_users:
            _, lost = self._waiting.popleft()
            self._users -= len(lost)
            self._left += len(lost)

    def take_left(self) -> int:
        """Lists since the last call that had to be left to their time to live."""
        left, self._left = self._left, 0
        return left

    def remove_some(self, lists: ListSink) -> None:
        """Takes a few hundred of their lists away. Raises ServiceUnavailable; they wait on then."""
        if self._waiting:
            position, user_ids = self._waiting[0]
            lists.remove(user_ids, position)
            self._waiting.popleft()
            self._users -= len(user_ids)
