from hypothesis import example, given
from hypothesis import strategies as st

from models.availability import Availability
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


@example([("admit", "i2"), ("release", "i2"), ("gone", "i2"), ("look", ""), ("admit", "i2")])
@given(STEPS)
def test_each_row_says_whether_the_item_that_has_it_can_be_had(steps: list[tuple[str, str]]) -> None:
    vocabulary = Vocabulary(4, doorkeeper=False)
    availability = Availability(vocabulary)
    gone: set[str] = set()
    for step, item in [*steps, ("look", "")]:
        if step == "admit":
            vocabulary.admit([item])
        elif step == "release" and vocabulary.row(item) >= 0:
            vocabulary.release([vocabulary.row(item)])
        elif step in {"gone", "back"}:
            availability.set(item, available=step == "back")
            gone = gone | {item} if step == "gone" else gone - {item}
        elif step == "look":
            by_row = availability.by_row()
            assert {known: bool(by_row[row]) for known, row in vocabulary.items()} == {
                known: known not in gone for known, _ in vocabulary.items()
            }


def test_rows_grow_with_the_vocabulary() -> None:
    vocabulary = Vocabulary(3000, doorkeeper=False)
    availability = Availability(vocabulary)
    availability.set("i2000", available=False)
    assert availability.by_row().all()
    vocabulary.admit([f"i{number}" for number in range(2500)])
    assert (~availability.by_row()).nonzero()[0].tolist() == [2000]
    assert len(availability.by_row()) == vocabulary.capacity
