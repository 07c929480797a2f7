"""The figures as Prometheus reads them."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from components.reports import Figures, Process, Report

LABEL = "process"

__all__ = ["CONTENT_TYPE", "exposition"]


def exposition(reports: Sequence[Report]) -> bytes:
    """Write what the processes report in Prometheus' text format.

    Each figure is there once for each process, by its label; what is wanted of all of them is a sum. Summed here, a
    counter would fall when a process ends, and Prometheus would take that for a new start of all of them.
    """
    registry = CollectorRegistry()
    registry.register(_Reported(reports))
    return generate_latest(registry)


class _Reported(Collector):
    def __init__(self, reports: Sequence[Report]) -> None:
        self._reports = reports

    def collect(self) -> Iterable[Metric]:
        for field, name in GAUGES.items():
            yield self._gauge(name, Figures.model_fields[field].description, [r.figures for r in self._reports], field)
        for field, name in COUNTERS.items():
            counter = CounterMetricFamily(name, _help(Figures.model_fields[field].description), labels=[LABEL])
            for report in self._reports:
                counter.add_metric([str(report.process.pid)], getattr(report.figures, field))
            yield counter
        opened = SummaryMetricFamily(
            "tidewire_connection_seconds", _help("connections so far, and how long they were open"), labels=[LABEL]
        )
        for report in self._reports:
            figures = report.figures
            opened.add_metric([str(report.process.pid)], figures.connections_opened, figures.connection_seconds)
        yield opened
        yield from self._processes()

    def _processes(self) -> Iterable[Metric]:
        processes = [report.process for report in self._reports]
        yield self._gauge("tidewire_memory_bytes", Process.model_fields["memory"].description, processes, "memory")
        yield self._gauge("tidewire_open_files", Process.model_fields["files"].description, processes, "files")
        taken = CounterMetricFamily(
            "tidewire_cpu_seconds", _help(Process.model_fields["cpu_seconds"].description), labels=[LABEL]
        )
        for process in processes:
            taken.add_metric([str(process.pid)], process.cpu_seconds)
        yield taken

    def _gauge(self, name: str, about: str | None, told: Iterable[Figures | Process], field: str) -> Metric:
        gauge = GaugeMetricFamily(name, _help(about), labels=[LABEL])
        for report, one in zip(self._reports, told, strict=True):
            value = getattr(one, field)
            if value is not None:
                gauge.add_metric([str(report.process.pid)], value)
        return gauge


GAUGES = {
    "connections": "tidewire_connections",
    "streams": "tidewire_streams",
    "parked": "tidewire_parked_readers",
}
COUNTERS = {
    "streams_opened": "tidewire_streams_opened",
    "events": "tidewire_events_sent",
    "bytes": "tidewire_bytes_sent",
    "errors": "tidewire_stream_errors",
    "reconnects": "tidewire_reconnects",
    "resets": "tidewire_resets",
    "parked_so_far": "tidewire_parked",
}


def _help(about: str | None) -> str:
    return f"{about}; of one process: sum them".capitalize()
