"""How a job is drawn."""

from datetime import UTC, datetime, timedelta

import pytest
from fastcore.xml import to_xml

from components.job import PROGRAM, Job, Problem
from components.job_pages import JobView, LiveJob
from components.jobs import JobItem, JobProgress, figures, pace, span

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)


def job(**given) -> Job:
    values = {"id": 7, "kind": PROGRAM, "name": "Build <it>", "total": 100, "done": 40, "state": "running"}
    times = {"created": BEGAN, "started": BEGAN, "changed": BEGAN + timedelta(seconds=10)}
    return Job(**values | times | given)


def test_a_running_job_tells_how_far_how_fast_and_how_long():
    assert figures(job()) == "40 of 100 · 4.0 a second · 15 s left"
    html = to_xml(JobProgress(job()))
    assert '<progress value="40" max="100" aria-label="Progress of Build &lt;it&gt;"' in html


def test_a_job_that_goes_on_from_another_is_as_fast_as_itself():
    assert job(base=30).rate == 1
    assert job(base=30).left == 60


def test_a_job_without_a_total_has_a_bar_without_a_value_until_it_ends():
    assert "value=" not in to_xml(JobProgress(job(total=None)))
    assert figures(job(total=None, rate=None, changed=BEGAN)) == "40 done"
    ended = to_xml(JobProgress(job(total=None, state="completed", finished=BEGAN + timedelta(seconds=75))))
    assert 'value="40" max="40"' in ended
    assert "took 1 min 15 s" in ended


def test_what_can_be_done_depends_on_how_it_stands():
    def offered(one: Job) -> list[str]:
        return [word for word in ("Cancel", "Run again", "Delete", "Download") if f">{word}<" in to_xml(JobItem(one))]

    assert offered(job()) == ["Cancel"]
    assert offered(job(state="queued", started=None)) == ["Cancel"]
    assert offered(job(state="interrupted")) == ["Cancel"], "its program may go on with it"
    assert offered(job(state="interrupted", kind="demo")) == ["Run again", "Delete"]
    assert offered(job(state="completed", kind="export", file="a.csv")) == ["Run again", "Delete", "Download"]
    assert offered(job(state="cancelled", kind="import", file="a.csv")) == ["Run again", "Delete"]
    assert offered(job(state="completed", kind="import")) == ["Delete"], "nothing is stored twice"
    assert offered(job(state="failed")) == ["Delete"], "only its program can run it again"


def test_buttons_are_outside_of_what_moves_so_that_a_click_finds_them():
    html = to_xml(JobItem(job()))
    assert 'sse-swap="job-7"' in html
    assert "<button" not in to_xml(JobProgress(job()))
    assert "hx-target" not in html.split('sse-swap="job-7"')[0], "what moves would replace the item"


def test_a_job_is_live_until_it_has_ended():
    live = to_xml(LiveJob(job()))
    assert 'sse-connect="/sse/jobs/7"' in live
    assert 'sse-close="complete"' in live
    assert "sse-" not in to_xml(LiveJob(job(state="failed")))


def test_what_was_left_out_is_listed_with_line_and_reason_once_the_job_has_ended():
    left_out = [Problem(line=1204, reason="humidity: expected <= 100")]
    html = to_xml(JobView(job(state="completed", problems=2), left_out))
    assert "Line 1,204" in html
    assert "humidity: expected &lt;= 100" in html
    assert "The first 1 of them" in html
    assert "Line" not in to_xml(JobView(job(problems=2), left_out))


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "under 1 s"), (59.4, "59 s"), (125, "2 min 5 s"), (12_000, "3 h 20 min")]
)
def test_a_time_is_said_as_a_person_would(seconds, said):
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("rate", "said"), [(12_345.6, "12,346 a second"), (2.5, "2.5 a second"), (0.5, "30.0 a minute")]
)
def test_a_pace_is_said_by_the_second_or_by_the_minute(rate, said):
    assert pace(rate) == said
