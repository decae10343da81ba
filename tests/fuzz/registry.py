"""All targets by name. Modules are loaded late: some take seconds, and what is fuzzed is loaded by the engine."""

from importlib import import_module

from tests.fuzz.target import Target

EVENTS = ("millrace", "ga4", "segment", "snowplow", "google_retail", "personalize", "cloudevents")
OTHERS = {
    "catalogue": ("documents", "catalogue_target"),
    "manifest": ("documents", "manifest_target"),
    "list": ("documents", "list_target"),
    "settings": ("documents", "settings_target"),
    "blob": ("snapshots", "blob_target"),
    "tables": ("snapshots", "table_target"),
    "model": ("trained", "model_target"),
    "checkpoint": ("trained", "checkpoint_target"),
}
NAMES = (*(f"events_{name}" for name in EVENTS), *OTHERS)


def target(name: str) -> Target:
    """The target of this name."""
    if name.startswith("events_"):
        module, function, arguments = "events", "event_target", [name.removeprefix("events_")]
    else:
        (module, function), arguments = OTHERS[name], []
    made: Target = getattr(import_module(f"tests.fuzz.{module}"), function)(*arguments)
    return made
