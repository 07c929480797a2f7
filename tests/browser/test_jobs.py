"""Jobs in two tabs of a real browser, as a person begins, watches and ends them."""

import re

from browsers import Page, expect, open_tab, wait_until_live
from programs import Program
from servers import until


def begun(program: Program, **given) -> int:
    return program.post("/jobs", json={"name": "Build", "total": 10, **given}).json()["id"]


def item(tab: Page, number: int):
    return tab.locator(f"#job-{number}")


def bar(place):
    return place.get_by_role("progressbar", name=re.compile("Progress"))


def sheet(rows: int, bad: int, name: str) -> dict:
    lines = (
        f"2026-01-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}Z,{'hot' if i < bad else 21.5},48,1013\n"
        for i in range(rows)
    )
    content = f"time,temperature,humidity,pressure\n{''.join(lines)}"
    return {"name": name, "mimeType": "text/csv", "buffer": content.encode()}


def test_a_job_that_a_person_starts_moves_in_two_tabs_and_stops_in_both_when_it_is_cancelled(tabs, complaints):
    first, second = (open_tab(tabs, "/jobs") for _ in range(2))
    for tab in (first, second):
        wait_until_live(tab)
    first.get_by_role("button", name="Start the demo").click()
    for tab in (first, second):
        expect(item(tab, 1)).to_contain_text("it only counts")
    shown = item(second, 1).get_by_text(re.compile(r"\d+ of 100"))
    before = shown.inner_text()
    expect(shown).not_to_have_text(before)
    item(second, 1).get_by_role("button", name="Cancel").click()
    for place in (item(first, 1), item(second, 1)):
        expect(place).to_contain_text("cancelled")
        expect(place.get_by_role("button", name="Run again")).to_be_visible()
    assert "100 of 100" not in item(first, 1).inner_text()
    item(second, 1).get_by_role("button", name="Delete").click()
    for tab in (first, second):
        expect(item(tab, 1)).to_have_count(0)
    assert complaints == []


def test_the_page_of_a_job_is_told_the_end_once_and_asks_no_more(tabs, board, program, complaints):
    number = begun(program, message="compiling")
    early = open_tab(tabs, f"/jobs/{number}")
    wait_until_live(early)
    program.post(f"/jobs/{number}", data={"done": 4})
    expect(bar(early)).to_have_attribute("value", "4")
    expect(early.get_by_role("button", name="Pause")).to_be_visible()
    late = open_tab(tabs, f"/jobs/{number}")
    expect(bar(late)).to_have_attribute("value", "4")
    wait_until_live(late)
    program.post(f"/jobs/{number}", data={"state": "completed", "message": "built"})
    for tab in (early, late):
        expect(tab.locator("#job")).to_contain_text("built")
        expect(bar(tab)).to_have_attribute("value", "10")
        expect(tab.get_by_role("button", name="Pause")).to_be_hidden()  # nothing moves any more
    until(lambda: f"/sse/jobs/{number}" not in str(board.get("/sse-health").json()))
    ended = open_tab(tabs, f"/jobs/{number}")
    expect(ended.locator("main")).to_contain_text("built")
    assert ended.locator(f"[sse-connect='/sse/jobs/{number}']").count() == 0
    assert complaints == []


def test_a_click_meets_its_button_however_fast_a_job_moves(tabs, program, complaints):
    number = begun(program, total=1_000)
    tab = open_tab(tabs, "/jobs")
    wait_until_live(tab)
    button = item(tab, number).get_by_role("button", name="Cancel")
    button.hover()
    tab.mouse.down()
    for done in (1, 2, 3):
        program.post(f"/jobs/{number}", data={"done": done})
        expect(bar(item(tab, number))).to_have_attribute("value", str(done))
    tab.mouse.up()
    expect(item(tab, number)).to_contain_text("cancelled")
    assert complaints == []


def test_a_file_is_imported_and_its_bad_rows_are_listed(tabs):
    other, tab = open_tab(tabs, "/jobs"), open_tab(tabs, "/jobs")
    wait_until_live(other)
    tab.get_by_label("File").set_input_files(sheet(2_000, 3, "roof.csv"))
    tab.get_by_role("button", name="Import", exact=True).click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Import of roof.csv")
    expect(tab.locator("main")).to_contain_text("1,997 kept, 3 left out")
    expect(tab.get_by_role("list", name="What was left out")).to_contain_text("Line 2")
    expect(tab.get_by_role("list", name="What was left out")).to_contain_text("temperature: Input should be a valid")
    expect(other.locator("#jobs")).to_contain_text("1,997 kept, 3 left out")
    with tab.expect_download() as download:
        tab.get_by_role("link", name="All as CSV").click()
    assert download.value.path().read_text().count("\n") == 4


def test_a_file_that_is_none_is_refused_beside_what_was_chosen(tabs):
    tab = open_tab(tabs, "/jobs")
    tab.get_by_label("Sensor").fill("roof")
    chosen = {"name": "photo.csv", "mimeType": "text/csv", "buffer": b"\x89PNG\0\0"}
    tab.get_by_label("File").set_input_files(chosen)
    tab.get_by_role("button", name="Import", exact=True).click()
    expect(tab.get_by_role("alert").filter(has_text="expected a CSV file")).to_be_visible()
    assert tab.get_by_label("File").evaluate("field => field.files[0].name") == "photo.csv"
    expect(tab.get_by_label("Sensor")).to_have_value("roof")


def test_an_export_ends_with_a_file_to_download(tabs):
    tab = open_tab(tabs, "/jobs")
    tab.get_by_role("button", name="Export", exact=True).click()
    link = tab.get_by_role("link", name=re.compile("Download readings"))
    with tab.expect_download() as download:
        link.click()
    assert download.value.path().read_text().startswith("sensor,time,temperature,humidity,pressure")


def test_the_overview_shows_what_runs(tabs, program):
    tab = open_tab(tabs, "/")
    wait_until_live(tab)
    number = begun(program, name="Seen on the first page")
    expect(item(tab, number)).to_contain_text("Seen on the first page")
    program.post(f"/jobs/{number}", data={"done": 7})
    expect(bar(item(tab, number))).to_have_attribute("value", "7")
    for _ in range(4):
        program.post(f"/jobs/{begun(program)}", data={"state": "completed"})
    expect(tab.locator("#jobs > li").nth(4)).to_be_attached()
    expect(item(tab, number)).to_be_visible()
    expect(tab.locator("#jobs > li:visible")).to_have_count(4)
