"""Where a data report is written."""

import re
from pathlib import Path

import pytest

from slmcli.config import CheckSettings
from slmcli.errors import OutputError
from slmcli.preprocessing import check
from slmcli.report_files import write_report


def test_a_page_that_cannot_be_written_is_named_with_its_option(corpus: Path, tmp_path: Path) -> None:
    report = check(CheckSettings(files=[str(corpus)]))
    expected = f"{tmp_path}/gone/report.html: the directory {tmp_path}/gone does not exist. Make it, or choose another --html."
    with pytest.raises(OutputError, match=re.escape(expected)):
        write_report(report, None, tmp_path / "gone" / "report.html")
