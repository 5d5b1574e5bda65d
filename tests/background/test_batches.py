"""Deleting many rows, few at a time, beside others who hold or change some of them."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from keystone.background.batches import delete_in_chunks
from keystone.throttling.models import AttemptWindow, Limit
from keystone.throttling.reset import delete_ended_windows


def windows(count: int, *, ended: bool = True) -> None:
    ends_at = timezone.now() + timedelta(minutes=-1 if ended else 1)
    AttemptWindow.objects.bulk_create(
        AttemptWindow(limit=Limit.ADDRESS, address=f"{ended}{number}@example.com", count=1, ends_at=ends_at)
        for number in range(count)
    )


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_all_that_are_selected_go_and_no_others(size: int) -> None:
    windows(5)
    windows(2, ended=False)
    assert delete_in_chunks(AttemptWindow.objects.ended(), size=size) == 5
    assert AttemptWindow.objects.count() == 2
    assert delete_in_chunks(AttemptWindow.objects.ended(), size=size) == 0


@pytest.mark.django_db(transaction=True)
def test_a_window_that_begins_anew_at_this_moment_is_kept() -> None:
    windows(3)
    held, done = threading.Event(), threading.Event()

    def begin_anew() -> None:
        with transaction.atomic():
            row = AttemptWindow.objects.filter(address="True0@example.com")
            row.update(ends_at=timezone.now() + timedelta(minutes=15))
            held.set()
            done.wait()
        connection.close()

    thread = threading.Thread(target=begin_anew)
    thread.start()
    held.wait()
    assert delete_ended_windows() == 2  # and does not wait
    done.set()
    thread.join()
    assert [row.address for row in AttemptWindow.objects.all()] == ["True0@example.com"]
    assert delete_ended_windows() == 0
