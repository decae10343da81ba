"""How often something may happen."""


class Allowance:
    """So many a second, on average; what was not used adds up to one second's worth. A token bucket."""

    def __init__(self, per_second: float, now_seconds: float) -> None:
        """0 = any number."""
        self._per_second = per_second
        self._left = max(1.0, per_second)
        self._as_of_seconds = now_seconds

    def take(self, now_seconds: float) -> bool:
        """Whether one more is allowed."""
        if not self._per_second:
            return True
        gained = (now_seconds - self._as_of_seconds) * self._per_second
        self._left = min(self._left + gained, max(1.0, self._per_second))
        self._as_of_seconds = now_seconds
        allowed = self._left >= 1.0
        self._left -= allowed
        return allowed
