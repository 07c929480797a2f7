from fastcore.xml import to_xml

from components.counter import LiveCounter
from components.overview import Card, Overview


def test_a_card_leads_to_its_thing_and_shows_it_live_if_it_is_given():
    html = to_xml(Card("counter", "Counter", "Counts", "/counter", LiveCounter()))
    assert 'href="/counter"' in html
    assert 'sse-connect="/sse/counter"' in html
    assert "sse-connect" not in to_xml(Card("clock", "Clock", "Ticks", "/clock"))


def test_the_overview_shows_the_cards_in_their_order():
    html = to_xml(Overview(Card(name, name, "", f"/{name}") for name in ("b", "a", "c")))
    assert html.index('href="/b"') < html.index('href="/a"') < html.index('href="/c"')
