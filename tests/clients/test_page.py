"""The page at `/` in a real browser."""

from browser import browser


def test_the_page_shows_a_market_that_lives(demo_venue, tmp_path):
    with browser() as page:
        page.resize(1100, 1400)
        page.open(demo_venue.url + "/")
        page.until("document.querySelectorAll('#symbols tr').length === 12")
        page.until("document.querySelector('#connection').dataset.state === 'live'")
        page.until("/\\d/.test(document.querySelector('#bid').textContent)")
        page.until("document.querySelectorAll('#levels tr').length >= 5")
        first = page.evaluate("document.querySelector('#trades').textContent")
        page.until(f"document.querySelector('#trades').textContent !== {first!r}")
        assert page.evaluate("document.querySelector('#line').getAttribute('points').split(' ').length") > 10
        recipe = page.evaluate("document.body.textContent")
        assert demo_venue.url in recipe
        page.screenshot(tmp_path / "page.png")
        assert page.complaints == []


def test_the_page_fits_a_small_screen(demo_venue, tmp_path):
    with browser() as page:
        page.resize(360, 740, dark=True)
        page.open(demo_venue.url + "/")
        page.until("document.querySelectorAll('#symbols tr').length === 12")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.screenshot(tmp_path / "page.png")
        assert page.complaints == []

