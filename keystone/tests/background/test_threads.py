import threading

import pytest
from django.core.mail import EmailMessage
from django.tasks import task_backends
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.accounts.registration import register_user
from keystone.background.threads import ThreadBackend


@pytest.mark.django_db(transaction=True)
def test_mails_are_sent_from_a_thread_after_the_answer(settings: Settings, mailoutbox: list[EmailMessage]) -> None:
    settings.TASKS = {"default": {"BACKEND": "keystone.background.threads.ThreadBackend"}}
    backend = task_backends["default"]
    assert isinstance(backend, ThreadBackend)
    gate = threading.Event()
    for _ in range(2):  # both threads are busy until the gate opens
        backend.pool.submit(gate.wait, 30)
    register_user(email="ann@example.com", password="a good long one", first_name="Ann")
    assert User.objects.filter(email="ann@example.com").exists()
    assert mailoutbox == []
    gate.set()
    backend.pool.shutdown(wait=True)
    assert [mail.to for mail in mailoutbox] == [["ann@example.com"]]
