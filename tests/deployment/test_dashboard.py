"""The dashboard shows what the servers tell, all of it, and nothing that they do not."""

import json
import re
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics_core import Metric

from keystone.environment import env
from keystone.monitoring.metrics.collecting import BUILD, FAMILIES, UP

METRIC = re.compile(r"\bkeystone_\w+")
ENDS = ("_bucket", "_count", "_sum")  # of a histogram


@pytest.fixture
def dashboard() -> dict[str, Any]:
    """The file, as Grafana imports it."""
    read: dict[str, Any] = json.loads((env.BASE_DIR / "deploy" / "grafana" / "keystone.json").read_text())
    return read


def told() -> set[str]:
    """The names of Keystone's own metrics."""
    families: list[Metric] = [family for family in REGISTRY.collect() if family.name.startswith("keystone_")]
    counted = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    return counted | set(FAMILIES) | {UP, BUILD}


def test_the_dashboard_shows_every_metric_and_no_other(dashboard: dict[str, Any]) -> None:
    import keystone.monitoring.metrics.middleware  # noqa: F401 - declares them

    shown = set()
    for target in (target for panel in dashboard["panels"] for target in panel.get("targets", ())):
        for name in METRIC.findall(target["expr"]):
            base = next((name.removesuffix(end) for end in ENDS if name.endswith(end)), name)
            shown.add(base if base in told() else name)

    assert sorted(shown) == sorted(told())


def test_the_dashboard_can_be_imported(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["type"] for panel in panels} == {"row", "stat", "timeseries"}
    names = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert names == {"datasource", "job", "instance"}
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for target in panel.get("targets", ()):
            assert set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval"} <= names, target["expr"]
            assert target["datasource"]["uid"] == "${datasource}"
            assert target["expr"].count("(") == target["expr"].count(")")


def test_no_label_is_one_that_prometheus_gives_itself() -> None:
    for name, (_documentation, labels) in FAMILIES.items():
        assert not {"job", "instance"} & set(labels), name
