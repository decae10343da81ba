from hypothesis import example, given
from hypothesis import strategies as st

from models.assortment import NO_CATEGORY, Assortment
from models.vocabulary import Vocabulary

IDS = [f"i{number}" for number in range(6)]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("admit"), st.sampled_from(IDS)),
        st.tuples(st.just("release"), st.sampled_from(IDS)),
        st.tuples(st.just("gone"), st.sampled_from(IDS)),
        st.tuples(st.just("back"), st.sampled_from(IDS)),
        st.tuples(st.just("look"), st.just("")),
    ),
    max_size=40,
)


@example([("admit", "i2"), ("release", "i2"), ("gone", "i2"), ("look", ""), ("admit", "i2")], True)
@given(STEPS, st.booleans())
def test_each_row_says_whether_the_item_that_has_it_may_be_shown(
    steps: list[tuple[str, str]], unlisted_shown: bool
) -> None:
    vocabulary = Vocabulary(4, doorkeeper=False)
    assortment = Assortment(vocabulary, unlisted_shown=unlisted_shown, unmet=True)
    gone: set[str] = set() if unlisted_shown else set(IDS)
    listed: set[str] = set()
    for step, item in [*steps, ("look", "")]:
        if step == "admit":
            vocabulary.admit([item])
        elif step == "release" and vocabulary.row(item) >= 0:
            vocabulary.release([vocabulary.row(item)])
        elif step in {"gone", "back"}:
            assortment.set(item, shown=step == "back")
            gone = gone | {item} if step == "gone" else gone - {item}
            listed = listed - {item} if step == "gone" else listed | {item}
        elif step == "look":
            shown = assortment.by_row().shown
            assert {known: bool(shown[row]) for known, row in vocabulary.items()} == {
                known: known not in gone for known, _ in vocabulary.items()
            }
            unmet = {assortment.unmet.id_of(place) for place in range(len(assortment.unmet.hashes))}
            assert unmet == {each for each in listed if vocabulary.row(each) < 0}


def test_rows_grow_with_the_vocabulary() -> None:
    vocabulary = Vocabulary(3000, doorkeeper=False)
    assortment = Assortment(vocabulary)
    assortment.set("i2000", shown=False)
    assert assortment.by_row().shown.all()
    vocabulary.admit([f"i{number}" for number in range(2500)])
    assert (~assortment.by_row().shown).nonzero()[0].tolist() == [2000]
    assert len(assortment.by_row().shown) == vocabulary.capacity


def test_categories_follow_the_items_to_their_rows() -> None:
    vocabulary = Vocabulary(9, doorkeeper=False)
    assortment = Assortment(vocabulary, categories=True)
    assortment.set("a", shown=True, category="toys")
    vocabulary.admit(list("abc"))
    assortment.set("b", shown=False, category="toys")
    assortment.set("c", shown=True, category="tools")
    toys, tools = assortment.category("a"), assortment.category("c")
    assert assortment.by_row().categories[:3].tolist() == [toys, toys, tools]
    assert toys != tools
    assortment.set("a", shown=True)
    assert assortment.by_row().categories[:4].tolist() == [NO_CATEGORY, toys, tools, NO_CATEGORY]


def test_categories_are_only_kept_where_they_limit_lists() -> None:
    vocabulary = Vocabulary(9, doorkeeper=False)
    assortment = Assortment(vocabulary)
    vocabulary.admit(["a"])
    assortment.set("a", shown=True, category="toys")
    assert assortment.by_row().categories[0] == assortment.category("a") == NO_CATEGORY
