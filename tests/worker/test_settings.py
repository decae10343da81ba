"""Where settings come from, which ones are refused, and how they are shown."""

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import ConfigurationError
from worker.events import KEY_PREFIX
from worker.settings import DEFAULT_KINDS, Settings, load, load_with_origins
from worker.settings_reference import reference, sections
from worker.settings_sources import Loaded
from worker.settings_toml import as_toml

ROOT = Path(__file__).parents[2]
SECRET = "redis://user:hunter2@redis.example:6379/0"

WriteFile = Callable[[str], Path]


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    """Writes a configuration file."""

    def write(text: str) -> Path:
        path = tmp_path / "millrace.toml"
        path.write_text(text)
        return path

    return write


def refused(
    file: Path | None = None, overrides: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load(file, overrides, environment or {})
    return caught.value


def test_keys_begin_as_the_contract_says_unless_set() -> None:
    assert Settings().redis.key_prefix == KEY_PREFIX
    assert load(overrides={"redis.key_prefix": "shop:2"}, environment={}).redis.key_prefix == "shop:2"
    assert "redis.key_prefix" in str(refused(overrides={"redis.key_prefix": "{a}"}))


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(write_file: WriteFile) -> None:
    file = write_file('[kafka]\ngroup_id = "file"\nevents_topic = "file"\nitems_topic = "file"\n')
    environment = {"MILLRACE_KAFKA__GROUP_ID": "env", "MILLRACE_KAFKA__EVENTS_TOPIC": "env"}
    kafka = load(file, {"kafka.group_id": "flag"}, environment).kafka
    assert (kafka.group_id, kafka.events_topic, kafka.items_topic) == ("flag", "env", "file")
    assert kafka.dead_letter_topic == "events.dlq"


def test_each_value_says_where_it_comes_from(write_file: WriteFile) -> None:
    file = write_file("[kafka]\npartitions = 3\n[lists]\nsize = 5\n[events.kinds]\nplay = 1\n")
    loaded = load_with_origins(file, {"lists.size": "7"}, {"MILLRACE_LOG__LEVEL": "debug"})
    assert loaded.origins == {
        "kafka.partitions": str(file),
        "lists.size": "a flag",
        "log.level": "MILLRACE_LOG__LEVEL",
        "events.kinds": str(file),
    }


def test_entries_of_a_table_come_from_everywhere_and_join_the_standard_ones(write_file: WriteFile) -> None:
    file = write_file("[events.kinds]\nplay = 1.5\npurchase = 2\n")
    environment = {"MILLRACE_EVENTS__KINDS__PURCHASE": "3", "MILLRACE_EVENTS__KINDS__STOP": "0"}
    kinds = load(file, {"events.kinds.stop": "4"}, environment).events.kinds
    assert kinds == DEFAULT_KINDS | {"play": 1.5, "purchase": 3.0, "stop": 4.0}


def test_a_table_in_the_environment_is_json() -> None:
    environment = {"MILLRACE_EVENTS__KINDS": '{"Play": 1}'}
    assert load(environment=environment).events.kinds == DEFAULT_KINDS | {"Play": 1.0}
    error = refused(environment={"MILLRACE_EVENTS__KINDS": "play=1"})
    assert str(error).startswith("MILLRACE_EVENTS__KINDS is not JSON")
    assert '{"view_item": 1.0}' in error.remedy


def test_texts_become_what_the_setting_is() -> None:
    settings = load(
        overrides={"lists.size": "7", "refresh.budget": "0.25", "snapshots.directory": "/s"}, environment={}
    )
    assert (settings.lists.size, settings.refresh.budget, settings.snapshots.directory) == (7, 0.25, Path("/s"))


def test_an_empty_variable_counts_as_absent() -> None:
    assert load(environment={"MILLRACE_REDIS__URL": "", "MILLRACE_CONFIG": ""}).redis.url is None


def test_the_variable_millrace_config_names_the_file_and_the_flag_another(write_file: WriteFile) -> None:
    file = write_file("[lists]\nsize = 3\n")
    environment = {"MILLRACE_CONFIG": str(file)}
    assert load(environment=environment).lists.size == 3
    other = file.with_name("other.toml")
    other.write_text("[lists]\nsize = 4\n")
    assert load(other, environment=environment).lists.size == 4


def test_the_process_environment_is_read_only_by_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_KAFKA__GROUP_ID", "env")
    assert load().kafka.group_id == "env"
    assert load(environment={}).kafka.group_id == "millrace"
    assert Settings().kafka.group_id == "millrace"


def test_variables_of_others_are_left_alone() -> None:
    assert load(environment={"PATH": "/bin", "MILL": "x", "XMILLRACE_KAFKA__NONE": "x"}) == Settings()


@pytest.mark.parametrize("text", ["[kafka]\ngrup_id = 'x'\n", "[kafka.grup_id]\na = 1\n"])
def test_an_unknown_name_in_the_file_stops_with_its_name_and_the_nearest(write_file: WriteFile, text: str) -> None:
    file = write_file(text)
    error = refused(file)
    assert str(error) == f"unknown setting kafka.grup_id (from {file})"
    assert "did you mean kafka.group_id?" in error.remedy


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("MILLRACE_KAFKA__GRUP_ID", "kafka.grup_id"),
        ("MILLRACE_KAFKA", "kafka"),
        ("MILLRACE_NOTHING__AT_ALL", "nothing.at_all"),
        ("MILLRACE_KAFKA__GROUP_ID__X", "kafka.group_id.x"),
    ],
)
def test_an_unknown_variable_stops_with_its_name(variable: str, name: str) -> None:
    assert str(refused(environment={variable: "x"})) == f"unknown setting {name} (from {variable})"


@pytest.mark.parametrize("name", ["kafka.grup_id", "kafka", "", ".", "kafka.group_id.x", "nothing"])
def test_an_unknown_flag_stops_with_its_name(name: str) -> None:
    assert str(refused(overrides={name: "x"})) == f"unknown setting {name} (from a flag)"


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("kafka.partitions", "many", "should be a valid integer"),
        ("kafka.partitions", "0", "greater than 0"),
        ("refresh.budget", "2", "less than or equal to 1"),
        ("refresh.budget", "inf", "finite"),
        ("events.format", "avro", "should be 'millrace'"),
        ("events.kinds.play", "-101", "greater than or equal to -100"),
        ("health.port", "70000", "less than or equal to 65535"),
    ],
)
def test_a_bad_value_names_the_setting_its_origin_the_value_and_what_is_right(
    name: str, value: str, fault: str
) -> None:
    variable = "MILLRACE_" + name.upper().replace(".", "__")
    error = refused(environment={variable: value})
    assert str(error).startswith(f"setting {name} (from {variable}): ")
    assert fault in str(error)
    assert value in str(error)
    assert "config schema" in error.remedy


def test_texts_are_separated_by_commas_or_an_array_of_the_file(write_file: WriteFile) -> None:
    variable = "MILLRACE_LISTS__BLOCKED_CATEGORIES"
    assert load(environment={variable: "toys, Tools,"}).lists.blocked_categories == ("toys", "Tools")
    assert load(overrides={"lists.blocked_categories": "toys"}, environment={}).lists.blocked_categories == ("toys",)
    file = write_file('[lists]\nblocked_categories = ["toys", "books, music"]\n')
    assert load(file, environment={}).lists.blocked_categories == ("toys", "books, music")


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        (
            {"lists.min_price": "5", "lists.max_price": "4"},
            "lists.max_price (from a flag): is below lists.min_price, 5",
        ),
        (
            {"lists.allowed_categories": "a,b,c", "lists.blocked_categories": "c,b"},
            "lists.blocked_categories (from a flag): b, c is also in lists.allowed_categories",
        ),
        ({"lists.allowed_categories": ["a", ""]}, "at least 1 character"),
        ({"lists.min_price": "cheap"}, "valid number"),
        ({"lists.diversity": "2"}, "less than or equal to 1"),
        ({"lists.exploration_share": "-1"}, "greater than or equal to 0"),
    ],
)
def test_rules_for_lists_that_cannot_be_kept_are_refused(values: dict[str, Any], cause: str) -> None:
    assert cause in str(refused(overrides=values))


def test_all_bad_values_are_named_at_once() -> None:
    error = str(refused(overrides={"lists.size": 0, "kafka.partitions": 0}))
    assert "lists.size" in error
    assert "kafka.partitions" in error


@pytest.mark.parametrize("text", ["[kafka", "kafka = 3", "[[kafka]]\ngroup_id = 'x'\n"])
def test_a_file_of_another_form_is_refused(write_file: WriteFile, text: str) -> None:
    file = write_file(text)
    assert str(file) in str(refused(file))


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    assert "nothing.toml" in str(refused(tmp_path / "nothing.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    assert "is not TOML" in str(refused(tmp_path / "binary.toml"))


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    loaded = load_with_origins(environment={"MILLRACE_REDIS__URL": SECRET})
    url = loaded.settings.redis.url
    assert url is not None
    assert url.get_secret_value() == SECRET
    settings = loaded.settings
    shown = [repr(settings), str(settings), repr(settings.redis), settings.model_dump_json(), as_toml(loaded)]
    assert not any("hunter2" in text for text in shown)


@pytest.mark.parametrize(
    "text", [f'[redis]\nurl = ["{SECRET}"]\n', f'redis = "{SECRET}"\n', f'[redis]\nurls = "{SECRET}"\n']
)
def test_errors_do_not_show_secrets(write_file: WriteFile, text: str) -> None:
    error = refused(write_file(text))
    assert "redis" in str(error)
    assert "hunter2" not in f"{error}{error.remedy}{error.__cause__}"


def test_settings_cannot_be_changed() -> None:
    settings = Settings()
    for target, name in ((settings, "kafka"), (settings.kafka, "group_id")):
        with pytest.raises(ValueError, match="frozen"):
            setattr(target, name, None)


def test_the_toml_of_the_settings_gives_the_same_settings(write_file: WriteFile) -> None:
    before = load(overrides={"kafka.group_id": 'a"b\\c\n', "events.kinds.a b": 2}, environment={})
    assert load(write_file(as_toml(Loaded(before, {}))), environment={}) == before


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_survives_as_toml(text: str) -> None:
    settings = Settings(kafka={"group_id": text})  # type: ignore[arg-type]
    assert tomllib.loads(as_toml(Loaded(settings, {})))["kafka"]["group_id"] == text


def test_the_toml_says_where_values_come_from() -> None:
    lines = as_toml(
        load_with_origins(overrides={"lists.size": 5}, environment={"MILLRACE_REDIS__URL": SECRET})
    ).splitlines()
    assert "size = 5  # a flag" in lines
    assert 'url = "**********"  # MILLRACE_REDIS__URL' in lines
    assert "# instance_id is not set" in lines
    assert 'group_id = "millrace"' in lines


def test_every_setting_is_documented() -> None:
    documented = {each.name: each for section in sections() for each in section.settings}
    names = {
        f"{section}.{name}"
        for section in Settings.model_fields
        for name in type(getattr(Settings(), section)).model_fields
    }
    assert documented.keys() == names
    assert all(each.takes and each.meaning.endswith(".") for each in documented.values())


def test_the_page_of_the_settings_is_what_the_classes_say() -> None:
    assert (ROOT / "docs/settings.md").read_text("utf-8") == reference(), (
        "write worker.settings_reference.reference() into docs/settings.md"
    )


def test_the_reference_depends_on_no_machine() -> None:
    assert str(Path.home()) not in reference()


def test_the_example_for_production_is_valid_and_holds_no_secret() -> None:
    example = ROOT / "deploy/millrace.toml"
    settings = load(
        example, environment={"MILLRACE_REDIS__URL": "redis://redis", "MILLRACE_KAFKA__INSTANCE_ID": "pod-0"}
    )
    assert settings.health.host == "0.0.0.0"
    assert settings.log.format == "json"
    assert "url" not in tomllib.loads(example.read_text())["redis"]


def test_the_schema_is_json_and_hides_no_setting() -> None:
    schema = json.loads(json.dumps(Settings.model_json_schema()))
    assert schema["properties"].keys() == Settings.model_fields.keys()
