"""The connections: the figures and the tables that show what the processes report of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fastcore.xml import FT
from fasthtml.components import Button, Code, Dd, Div, Dl, Dt, Li, Small, Span, Table, Tbody, Td, Th, Thead, Tr, Ul

from components.live import Live, PauseButton, Swap
from components.numbers import duration, share, size
from components.parts import Elsewhere, Moment, PageHead, PageTitle, Panel, Waiting
from components.reports import SHOWN, Connection, Report, connections_of, total


def ConnectionFigures(reports: Sequence[Report]) -> FT:
    """Draw the three figures that count."""
    all_of_them = total(reports)
    memory = [report.process.memory for report in reports if report.process.memory is not None]
    return Dl(
        Div(Dt("Connections open"), Dd(f"{all_of_them.connections:,}")),
        Div(Dt("Events sent"), Dd(f"{all_of_them.events:,}")),
        Div(Dt("Memory"), Dd(size(sum(memory) if memory else None))),
        cls="stats",
    )


def ConnectionDetails(reports: Sequence[Report]) -> tuple[FT, ...]:
    """Draw the other figures, and what each process takes."""
    figures = total(reports)
    told = {
        "Streams on them": f"{figures.streams:,}",
        "Parked readers": f"{figures.parked:,}",
        "Connections so far": f"{figures.connections_opened:,}",
        "Open on average": duration(figures.average_seconds),
        "Bytes sent": size(figures.bytes),
        "Streams that failed": f"{figures.errors:,} ({share(figures.error_rate)})",
        "Came back": f"{figures.reconnects:,}",
        "Resets": f"{figures.resets:,}",
    }
    return (
        Dl(*(Div(Dt(name), Dd(value)) for name, value in told.items()), cls="meta"),
        Div(
            Table(
                Thead(Tr(*(Th(name, scope="col") for name in PROCESS_COLUMNS))),
                Tbody(*(ProcessRow(report) for report in reports)),
            ),
            cls="table-wrap",
            tabindex=0,
            role="region",
            aria_label="Processes",
        ),
    )


PROCESS_COLUMNS = ("Process", "Since", "Connections", "Memory", "Processor", "Open files")
CONNECTION_COLUMNS = ("Streams", "Client", "Since", "Events", "Bytes", "State", "Action")


def ProcessRow(report: Report) -> FT:
    """Draw what a process takes of the machine."""
    process = report.process
    return Tr(
        Td(process.pid, data_label="Process"),
        Td(Moment(process.since), data_label="Since"),
        Td(f"{report.figures.connections:,}", data_label="Connections"),
        Td(size(process.memory), data_label="Memory"),
        Td("unknown" if process.cpu is None else f"{process.cpu:.0%}", data_label="Processor"),
        Td("unknown" if process.files is None else f"{process.files:,}", data_label="Open files"),
    )


def ConnectionRow(connection: Connection, closing: bool = False) -> FT:
    """Draw a connection, with a button that closes it, or what became of that."""
    label = f"Close the connection of {connection.client or 'an unknown client'} to {paths(connection)}"
    path = f"/connections/{connection.worker}/{connection.id}/close"
    return Tr(
        Td(StreamList(connection), data_label="Streams"),
        Td(connection.client or "unknown", data_label="Client"),
        Td(Moment(connection.since), data_label="Since"),
        Td(f"{connection.events:,}", data_label="Events"),
        Td(size(connection.bytes), data_label="Bytes"),
        Td(ConnectionState(connection), data_label="State"),
        Td(
            Div(
                Span("closing", cls="pill", data_state="closed")
                if closing
                else Button("Close", hx_post=path, aria_label=label, cls="small"),
                cls="row-actions",
            )
        ),
        id=f"connection-{connection.id}",
        hx_target="this",
        hx_swap="outerHTML",
    )


def ConnectionState(connection: Connection) -> FT | tuple[FT, ...]:
    """Say how a connection is: up to date, behind, parked; and what failed."""
    if connection.parked:
        state = Span(f"parked, {connection.behind:,} behind", cls="pill", data_state="waiting")
    elif connection.behind:
        state = Span(f"{connection.behind:,} behind", cls="pill", data_state="running")
    else:
        state = Span("up to date", cls="pill", data_state="done")
    if not connection.errors:
        return state
    return state, Span(f"{connection.errors:,} failed", cls="pill", data_state="failed")


def StreamList(connection: Connection) -> FT:
    """List what is streamed on a connection; the same stream of several tabs is one entry."""
    numbers: Counter[str] = Counter()
    for stream in connection.streams:
        numbers[stream.path] += stream.number
    told = f"link with {numbers.total()}" if connection.link else None
    return Ul(
        Li(Small(told)) if told else None,
        *(Li(Code(path), f" × {number}" if number > 1 else None) for path, number in sorted(numbers.items())),
        cls="streams-on",
    )


def paths(connection: Connection) -> str:
    """Name what is streamed on a connection, in a few words."""
    found = sorted({stream.path for stream in connection.streams})
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "") or "nothing"


def ConnectionGone(id: str) -> FT:
    """Take a connection's row away."""
    return Tr(id=f"connection-{id}", hx_swap_oob="delete")


def ConnectionRows(reports: Iterable[Report], **attrs: str) -> FT:
    """Draw all connections, as the body of the table in which the stream puts each that changes."""
    rows = map(ConnectionRow, connections_of(reports))
    return Swap("connection", *rows, tag=Tbody, swap="beforeend", id="connection-rows", **attrs)


def ConnectionChanges(before: Mapping[str, Connection], reports: Iterable[Report]) -> list[FT]:
    """Draw what differs from `before`, by their ids: the rows that are new or another, and those that are gone."""
    now = {one.id: one for one in connections_of(reports)}
    return [
        *(ConnectionRow(one) for one in now.values() if before.get(one.id) != one),
        *(ConnectionGone(one) for one in before if one not in now),
    ]


def ConnectionsPage(reports: Sequence[Report], origin: str) -> tuple[FT, ...]:
    """Show the connections of all processes live."""
    return (
        PageTitle("Connections"),
        PageHead(
            "Connections",
            "Who reads what, in all processes of this board. All tabs of a browser share one connection, a link, which "
            "carries their streams. One that is closed here ends, and its client stays away until its page is loaded "
            "again: also if it is yours.",
        ),
        Live(
            "/sse/connections",
            Panel(
                Swap("connections", ConnectionFigures(reports)),
                Swap("details", *ConnectionDetails(reports), cls="details"),
                caption="/sse/connections",
                actions=PauseButton("connections"),
            ),
            Panel(
                Div(
                    Table(Thead(Tr(*(Th(name, scope="col") for name in CONNECTION_COLUMNS))), ConnectionRows(reports)),
                    cls="table-wrap",
                    tabindex=0,
                    role="region",
                    aria_label="Open connections",
                ),
                caption=f"The newest {SHOWN} of each process",
            ),
            id="connections",
        ),
        Elsewhere(origin, "/sse/connections"),
    )


def LiveConnectionFigures() -> FT:
    """Show the three figures live."""
    return Live("/sse/connections?only=figures", Swap("connections", Waiting()), id="connections")
