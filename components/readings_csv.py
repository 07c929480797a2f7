"""How a person brings sensor readings in as CSV, and takes them out."""

from fastcore.xml import FT

from components.job_pages import Begin
from components.parts import Field
from components.readings import NAME_LENGTH

LARGEST_FILE = 32 * 1024 * 1024  # bytes: about half a million readings
UNNAMED = "imported"  # the sensor of readings that do not say theirs


def BeginImport() -> FT:
    """Ask for a file of readings."""
    return Begin(
        "Import readings",
        "A CSV file with the columns time, temperature, humidity, pressure, and sensor if there are several.",
        "import",
        "Import",
        Field(
            "import-file",
            "File",
            hint=f"UTF-8, separated by commas, at most {LARGEST_FILE // 1024 // 1024} MiB. "
            "The same file again goes on where it stopped: nothing is stored twice.",
            name="file",
            type="file",
            accept=".csv,text/csv",
            required=True,
        ),
        Field("import-sensor", "Sensor, where no column says it", name="sensor", value=UNNAMED, maxlength=NAME_LENGTH),
        hx_encoding="multipart/form-data",
    )


def BeginExport() -> FT:
    """Offer all readings as a file."""
    return Begin("Export readings", "All that are kept, as a CSV file, which is here for a day.", "export", "Export")
