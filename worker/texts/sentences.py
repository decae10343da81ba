"""Sentences of a language: why an item stands in a list."""

from collections.abc import Callable, Mapping

from worker.events import Mover, Reason
from worker.texts import chinese, english
from worker.texts.languages import Language

TitleOf = Callable[[str], str]

TEXTS: Mapping[Language, Mapping[str, str]] = {Language.ENGLISH: english.TEXTS, Language.CHINESE: chinese.TEXTS}
_BY_COUNT = ("one", "two", "three")


class Sentences:
    """Reasons in words of one language."""

    def __init__(self, language: Language, title_of: TitleOf) -> None:
        self._texts = TEXTS[language]
        self._title_of = title_of

    def reason(self, reason: Reason) -> str:
        """The short reason, such as "goes with Teapot"; of an unknown expert, its name."""
        with_item = self._texts.get(f"{reason.expert}.because")
        if reason.because and with_item:
            return with_item.format(item=self._item(reason.because))
        return self._texts.get(reason.expert, reason.expert)

    def sentence(self, item: str, reason: Reason) -> str:
        """All that is known of why `item` is there; empty where it is no more than the short reason."""
        if not (reason.moved_by or reason.rule) and reason.popularity is None:
            return ""  # most lists: this is asked for each item of each request
        clauses = [self._rule(reason), self._movers(item, reason), self._popularity(reason), self._trend(reason)]
        whole = self._texts["between"].join([self.reason(reason), *filter(None, clauses)])
        return self._texts["sentence"].format(clauses=whole[0].upper() + whole[1:])

    def _rule(self, reason: Reason) -> str:
        return self._texts["rule"].format(rule=reason.rule) if reason.rule else ""

    def _movers(self, item: str, reason: Reason) -> str:
        """Because you bought X and viewed Y."""
        did = [self._did(item, mover) for mover in reason.moved_by[: len(_BY_COUNT)]]
        if not did:
            return ""
        return self._texts[_BY_COUNT[len(did) - 1]].format(**dict(zip(("first", "second", "third"), did, strict=False)))

    def _did(self, item: str, mover: Mover) -> str:
        template = self._texts.get(f"event.{mover.event}", self._texts["event"])
        return template.format(item=self._texts["itself"] if mover.item == item else self._item(mover.item))

    def _item(self, item: str) -> str:
        return self._texts["item"].format(title=self._title_of(item))

    def _popularity(self, reason: Reason) -> str:
        share = reason.popularity
        return "" if share is None else self._texts["popularity"].format(percent=f"{_in_short(100 * share)}%")

    def _trend(self, reason: Reason) -> str:
        return "" if reason.trend is None else self._texts["trend"].format(factor=_in_short(reason.trend))


def _in_short(number: float) -> str:
    """With two digits, or all before the point."""
    return f"{number:.2g}" if number < 99.5 else f"{number:.0f}"
