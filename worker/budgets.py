"""Budgets: the bounds on items and users that follow from `memory.*`, and back."""

from models.budget import Cost, item_cost
from models.budget import user_cost as models_user_cost
from models.registry import ALL_EXPERTS, EXPERTS
from worker.errors import ConfigurationError
from worker.refresh import BYTES_PER_USER
from worker.settings import Settings
from worker.text_encoders import open_text_encoder


def user_cost() -> Cost:
    """Of the users of one partition, with when their lists are due."""
    cost = models_user_cost()
    return Cost(cost.fixed_bytes, cost.row_bytes + BYTES_PER_USER)


def chosen_experts(settings: Settings) -> tuple[str, ...]:
    """Names of the experts that take part."""
    asked = {"content": settings.experts.content, "sequence": settings.experts.sequence}
    return tuple(name for name in ALL_EXPERTS if asked.get(name, True))


def embedding_width(settings: Settings) -> int:
    """Numbers that are kept of an item's embeddings."""
    encoder = open_text_encoder(settings.experts)
    ready = settings.experts.embedding_width if settings.experts.content else 0
    return ready + (encoder.width if encoder else 0)


def max_items(settings: Settings) -> int:
    """Items that a worker can know at once. Raises ConfigurationError when the budget is too small for any."""
    return _rows(
        "items_bytes", settings.memory.items_bytes, item_cost(chosen_experts(settings), embedding_width(settings)), 1
    )


def max_users(settings: Settings) -> int:
    """Users that a partition can know at once. Raises ConfigurationError when the budget is too small for any.

    The partitions share the budget evenly, so that one worker that gets all of them stays within it.
    """
    return _rows("users_bytes", settings.memory.users_bytes, user_cost(), settings.kafka.partitions)


def items_budget_bytes(items: int, experts: tuple[str, ...] = EXPERTS, embedding_width: int = 0) -> int:
    """The budget into which so many items just fit when these experts take part."""
    return item_cost(experts, embedding_width).of(items)


def users_budget_bytes(users: int, partitions: int) -> int:
    """The budget into which so many users of each partition just fit."""
    return partitions * user_cost().of(users)


def _rows(name: str, budget_bytes: int, cost: Cost, shares: int) -> int:
    rows = cost.rows_within(budget_bytes // shares)
    if rows < 1:
        raise ConfigurationError(
            f"setting memory.{name}: {budget_bytes} bytes have no room for one row of {cost.row_bytes} bytes "
            f"beside the fixed {cost.fixed_bytes}, in each of {shares} equal shares",
            f"give it {shares * cost.of(1)} bytes at least",
        )
    return rows
