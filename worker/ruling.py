"""Ruling: what the rules that hold mean for each item."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import log

from models.interventions import NO_INTERVENTIONS, Interventions
from worker.control_records import Action, Rule

ItemsOf = Callable[[str], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided about items, for everyone and for some users by id.

    Attributes:
        rule_ids: by item id, the last rule that pinned or lifted it for everyone.
        own_rule_ids: the same by user id, for the rules of one user.
    """

    everyone: Interventions = NO_INTERVENTIONS
    own: Mapping[str, Interventions] = field(default_factory=dict)
    rule_ids: Mapping[str, str] = field(default_factory=dict)
    own_rule_ids: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def rule_id(self, user_id: str, item_id: str) -> str:
        """The rule that pinned or lifted the item in this user's list; "" = none did."""
        return self.own_rule_ids.get(user_id, {}).get(item_id) or self.rule_ids.get(item_id, "")


def ruled(rules: Iterable[Rule], items_of: ItemsOf) -> Ruling:
    """What follows from the rules, the oldest first; `items_of` a category gives its items.

    Several boosts of an item multiply. Of several places of one item the last counts.
    """
    by_user: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_user[rule.user_id].append(rule)
    decided = {user: _decided(own, items_of) for user, own in by_user.items()}
    everyone, rule_ids = decided.pop("", (NO_INTERVENTIONS, {}))
    own = {user: interventions for user, (interventions, _) in decided.items()}
    return Ruling(everyone, own, rule_ids, {user: ids for user, (_, ids) in decided.items()})


def _decided(rules: Iterable[Rule], items_of: ItemsOf) -> tuple[Interventions, dict[str, str]]:
    blocked: set[str] = set()
    lifts: dict[str, float] = defaultdict(float)
    pins: dict[str, int] = {}
    rule_ids: dict[str, str] = {}
    for rule in rules:
        items = [rule.item_id] if rule.item_id else list(items_of(rule.category))
        if rule.action is Action.BLOCK:
            blocked.update(items)
            continue
        rule_ids |= dict.fromkeys(items, rule.id)
        for item in items:
            if rule.action is Action.PIN:
                pins[item] = rule.place
            else:
                lifts[item] += log(rule.strength) if rule.action is Action.BOOST else -log(rule.strength)
    return Interventions(frozenset(blocked), dict(lifts), pins), rule_ids
