from hypothesis import given
from hypothesis import strategies as st

from models.unmet import Unmet
from models.vocabulary import Vocabulary, stable_hash

IDS = [f"i{number}" for number in range(6)]
STEPS = st.lists(
    st.tuples(st.sampled_from(["admit", "release", "list", "hide", "settle"]), st.sampled_from(IDS)), max_size=40
)


@given(STEPS)
def test_unmet_are_the_listed_items_without_a_row(steps: list[tuple[str, str]]) -> None:
    vocabulary = Vocabulary(4, doorkeeper=False)
    unmet = Unmet(vocabulary)
    listed: set[str] = set()
    changed: set[int] = set()
    for step, item in [*steps, ("settle", "")]:
        if step == "admit":
            vocabulary.admit([item])
            changed.add(stable_hash(item))
        elif step == "release" and vocabulary.row(item) >= 0:
            vocabulary.release([vocabulary.row(item)])
            changed.add(stable_hash(item))
        elif step in {"list", "hide"}:
            unmet.note(item, shown=step == "list")
            listed = listed | {item} if step == "list" else listed - {item}
        elif step == "settle":
            unmet.settle(changed)
            changed = set()
            expected = sorted(stable_hash(each) for each in listed if vocabulary.row(each) < 0)
            assert unmet.hashes.tolist() == expected
            assert [stable_hash(unmet.id_of(place)) for place in range(len(expected))] == expected
