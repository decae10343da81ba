"""Sentences of a language: why an item stands in a list."""

from collections.abc import Callable, Mapping

from worker.events import Reason
from worker.texts import chinese, english
from worker.texts.languages import Language

TitleOf = Callable[[str], str]

TEXTS: Mapping[Language, Mapping[str, str]] = {Language.ENGLISH: english.TEXTS, Language.CHINESE: chinese.TEXTS}
_BECAUSE = ".because"
_PLACES = ("first", "second", "third")


def _around_titles(texts: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """By expert: what stands before and after the title of the user's own item. Joining is faster than formatting."""
    around = {}
    for key, text in texts.items():
        if key.endswith(_BECAUSE):
            before, _, after = text.format(item=texts["item"]).partition("{title}")
            around[key.removesuffix(_BECAUSE)] = before, after
    return around


_AROUND = {language: _around_titles(texts) for language, texts in TEXTS.items()}


def is_plain(reason: Reason) -> bool:
    """Whether there is no more to tell than the short reason, as in most lists."""
    return not (reason.moved_by or reason.rule) and reason.popularity is None


class Sentences:
    """Reasons in words of one language."""

    def __init__(self, language: Language, title_of: TitleOf) -> None:
        self._texts = TEXTS[language]
        self._around = _AROUND[language]
        self._title_of = title_of

    def reason(self, reason: Reason) -> str:
        """The short reason, such as "goes with Teapot"; of an unknown expert, its name."""
        around = self._around.get(reason.expert) if reason.because else None
        if around is None:
            return self._texts.get(reason.expert, reason.expert)
        return f"{around[0]}{self._title_of(reason.because)}{around[1]}"

    def sentence(self, item: str, reason: Reason) -> str:
        """All that is known of why `item` is there; empty where it is no more than the short reason."""
        if is_plain(reason):
            return ""
        clauses = [self._rule(reason), self._movers(item, reason), self._popularity(reason), self._trend(reason)]
        whole = self._texts["between"].join([self.reason(reason), *filter(None, clauses)])
        return self._texts["sentence"].format(clauses=whole[0].upper() + whole[1:])

    def _rule(self, reason: Reason) -> str:
        return self._texts["rule"].format(rule=reason.rule) if reason.rule else ""

    def _movers(self, item: str, reason: Reason) -> str:
        """Because you bought X and Y and viewed Z."""
        by_deed: dict[str, list[str]] = {}
        for mover in reason.moved_by[: len(_PLACES)]:
            deed = self._texts.get(f"event.{mover.event}", self._texts["event"])
            by_deed.setdefault(deed, []).append(self._own(item, mover.item))
        deeds = [deed.format(item=self._joined(own)) for deed, own in by_deed.items()]
        return self._texts[f"did.{len(deeds)}"].format_map(_placed(deeds)) if deeds else ""

    def _joined(self, items: list[str]) -> str:
        return items[0] if len(items) == 1 else self._texts[f"items.{len(items)}"].format_map(_placed(items))

    def _own(self, item: str, own: str) -> str:
        return self._texts["itself"] if own == item else self._texts["item"].format(title=self._title_of(own))

    def _popularity(self, reason: Reason) -> str:
        share = reason.popularity
        return "" if share is None else self._texts["popularity"].format(percent=f"{_in_short(100 * share)}%")

    def _trend(self, reason: Reason) -> str:
        return "" if reason.trend is None else self._texts["trend"].format(factor=_in_short(reason.trend))


def _placed(words: list[str]) -> dict[str, str]:
    return dict(zip(_PLACES, words, strict=False))


def _in_short(number: float) -> str:
    """With two digits, or all before the point."""
    return f"{number:.2g}" if number < 99.5 else f"{number:.0f}"
