"""Which keys a file had already."""

import tracemalloc

import pytest

from keystone.data.seen import SeenKeys


def test_a_key_is_seen_from_the_second_time_on() -> None:
    with SeenKeys() as seen:
        assert [seen.first(("a",), 2), seen.first(("b",), 3), seen.first(("a",), 4), seen.first(("a",), 5)] == [
            *(None, None, 2, 2)
        ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b"), ("ab", "")),
        (("a", "b"), ("", "ab")),
        (("a", "b"), ("a,b",)),
        (("a", ""), ("a",)),
        ((), ("",)),
        (("1:a",), ("1", "a")),
        (("", "1:b"), ("0:1:b",)),
        (("a\0", "b"), ("a", "\0b")),
        (("\ud800",), ("\udc00",)),
        (("\ud83d\ude00",), ("😀",)),
        (("a",), ("A",)),
        (("é",), ("e\u0301",)),
    ],
)
def test_keys_that_look_alike_are_told_apart(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    with SeenKeys() as seen:
        assert [seen.first(one, 2), seen.first(other, 3), seen.first(one, 4), seen.first(other, 5)] == [
            *(None, None, 2, 3)
        ]


def test_files_do_not_share_their_keys() -> None:
    with SeenKeys() as one, SeenKeys() as other:
        assert [one.first(("a",), 2), other.first(("a",), 3)] == [None, None]


def test_many_keys_are_kept_outside_pythons_memory() -> None:
    with SeenKeys() as seen:
        seen.first(("",), 1)
        tracemalloc.start()
        for number in range(40_000):
            assert seen.first((f"person{number}@example.com", "x" * 500), number) is None
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seen.first(("person77@example.com", "x" * 500), 100_001) == 77
    assert peak < 1024 * 1024
