import pytest

from keystone.text.devices import device_name

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/143.0 Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/143.0 Safari/537.36 Edg/143.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Linux; Android 16) {WEBKIT} Chrome/143.0 Mobile Safari/537.36", "Chrome on Android"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1 Version/19 Safari/605.1",
            "Safari on macOS",
        ),
        ("curl/8.11.0", "curl"),
        ("ShopApp/2.1 (Android 16)", "Android"),
        ("Call +1 555 0100 or see http://evil.example", ""),
        ("", ""),
    ],
)
def test_a_device_has_the_name_that_people_know_and_nothing_of_a_stranger(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name
