import pytest


@pytest.mark.django_db
@pytest.mark.parametrize(
    "zone", ["Europe/Oslo", "Europe%2FOslo", "nonsense", "../../etc/passwd", "\x00", "a" * 5000]
)
def test_any_time_zone_cookie_leaves_the_page_standing(client, alice, zone):
    client.force_login(alice)
    client.cookies["timezone"] = zone

    assert client.get("/").status_code == 200
