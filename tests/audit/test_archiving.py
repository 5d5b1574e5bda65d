"""Archiving the audit log by month: what goes, what stays, and that the trigger lets nothing else go."""

import gzip
import hashlib
import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from keystone.actors.actor import Actor
from keystone.audit.archiving import AlreadyThere, MonthRefused, OlderFirst, archive_month
from keystone.audit.models import AuditEvent

pytestmark = pytest.mark.django_db


def happened(*moments: datetime) -> list[int]:
    """Events at these times; their keys."""
    events = [
        AuditEvent(
            created_at=moment,
            actor_kind="cli",
            actor_label="root",
            action="user.changed",
            target_type="user",
            target_id=str(number),
            target_label="ann@example.com",
            changes={"first_name": ["Zoë", None]},
        )
        for number, moment in enumerate(moments)
    ]
    return [event.pk for event in AuditEvent.objects.bulk_create(events)]


@transaction.atomic
def delete(key: int, *, archiving_month: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('keystone.archiving', %s, true)", [archiving_month])
        cursor.execute("DELETE FROM keystone_auditevent WHERE id = %s", [key])


def test_a_month_moves_to_a_file_and_the_log_keeps_its_digest(tmp_path: Path) -> None:
    gone = happened(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, 23, 59, 59, 999999, tzinfo=UTC))
    [stays] = happened(datetime(2026, 4, 1, tzinfo=UTC))
    done = archive_month("2026-03", folder=tmp_path, by=Actor.cli())
    assert (done.events, done.file) == (2, tmp_path / "audit-2026-03.jsonl.gz")
    assert [file.name for file in tmp_path.iterdir()] == ["audit-2026-03.jsonl.gz"]
    assert done.file.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in gzip.decompress(done.file.read_bytes()).splitlines()]
    assert [line["id"] for line in lines] == gone
    assert lines[0]["created_at"] == "2026-03-01T00:00:00Z"
    assert lines[0]["changes"] == {"first_name": ["Zoë", None]}
    archived = AuditEvent.objects.get(action="audit.archived")
    assert list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True)) == [stays, archived.pk]
    digest = hashlib.sha256(done.file.read_bytes()).hexdigest()
    assert (done.sha256, archived.changes) == (digest, {"events": [2, 0], "sha256": [None, digest]})
    with pytest.raises(AlreadyThere):
        archive_month("2026-03", folder=tmp_path, by=Actor.cli())


def test_only_a_month_that_is_over_goes_and_the_oldest_first(tmp_path: Path) -> None:
    happened(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    present = timezone.now().strftime("%Y-%m")
    for month in (present, "2026-13", "2026-3", "0000-01", "9999-12", "2026-03-01", "'"):
        with pytest.raises(MonthRefused):
            archive_month(month, folder=tmp_path, by=Actor.cli())
    with pytest.raises(OlderFirst, match="archive 2026-03 first"):
        archive_month("2026-04", folder=tmp_path, by=Actor.cli())
    assert list(tmp_path.iterdir()) == []
    assert AuditEvent.objects.count() == 2


def test_the_trigger_lets_nothing_but_the_named_month_go(tmp_path: Path) -> None:
    march, now = happened(datetime(2026, 3, 1, tzinfo=UTC), timezone.now())
    present = timezone.now().strftime("%Y-%m")
    for month, key in [("", march), ("2026-04", march), (present, now), ("2026-03", now)]:
        with pytest.raises(IntegrityError, match="append-only"):
            delete(key, archiving_month=month)
    archive_month("2026-03", folder=tmp_path, by=Actor.cli())
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEvent.objects.all()._raw_delete("default")


def test_what_fails_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened(datetime(2026, 3, 1, tzinfo=UTC))

    def full(*_arguments: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("keystone.audit.archiving.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        archive_month("2026-03", folder=tmp_path, by=Actor.cli())
    assert AuditEvent.objects.get().action == "user.changed"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")
def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    happened(datetime(2026, 3, 1, tzinfo=UTC))
    out = StringIO()
    call_command("audit", "archive", "2026-03", "--folder", str(tmp_path), "--json", stdout=out)
    facts = json.loads(out.getvalue())
    assert (facts["month"], facts["events"]) == ("2026-03", 1)
    with pytest.raises(CommandError, match="Give a month that is over"):
        call_command("audit", "archive", "2026-3", "--folder", str(tmp_path))
    with pytest.raises(CommandError, match="There is no folder /nowhere"):
        call_command("audit", "archive", "2026-04", "--folder", "/nowhere")
    out = StringIO()
    call_command("audit", "archive", "2026-04", "--folder", str(tmp_path), stdout=out)
    assert out.getvalue().startswith(f"0 events of 2026-04 were moved to {tmp_path}/audit-2026-04.jsonl.gz. SHA-256: ")
