"""Numbers as people read them: sizes, durations, shares."""

UNITS = ("B", "kB", "MB", "GB", "TB")


def size(count: float | None) -> str:
    """Tell a number of bytes."""
    if count is None:
        return "unknown"
    unit = 0
    while count >= 999.5 and unit < len(UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} {UNITS[unit]}" if count >= 99.5 or unit == 0 else f"{count:.3g} {UNITS[unit]}"


def duration(seconds: float) -> str:
    """Tell a time span by its two largest units."""
    if seconds < 59.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def share(part: float) -> str:
    """Tell a part of one as a percentage; what is more than nothing is never told as nothing."""
    percent = part * 100
    if 0 < percent < 0.01:
        return "under 0.01 %"
    return f"{percent:.2f}".rstrip("0").rstrip(".") + " %"
