"""One process around the lifecycle. Ends with exit code 2: tests/integration."""

import json
import os

from tests.support.programs import program


def test_what_nobody_expected_is_one_line_of_json_and_exit_code_1() -> None:
    with program(
        """
        from unittest import mock
        from temporal_common import process

        async def run(*_, **__):
            raise ZeroDivisionError("nobody expected it")

        with mock.patch.object(process, "run", run):
            process.run_process("probe", [], health_port=0)
        """
    ) as running:
        code, errors = running.ended()

    line = json.loads(errors)
    assert code == 1
    assert (line["event"], line["service"]) == ("the service failed", "probe")
    assert line["exception"][0]["exc_value"] == "nobody expected it"


def test_an_error_of_the_fleet_is_one_line_without_a_traceback() -> None:
    with program(
        """
        from unittest import mock
        from temporal_common import process
        from temporal_common.errors import Unavailable

        async def run(*_, **__):
            raise Unavailable("the database is away")

        with mock.patch.object(process, "run", run):
            process.run_process("probe", [], health_port=0)
        """
    ) as running:
        code, errors = running.ended()

    line = json.loads(errors)
    assert code == 1
    assert (line["event"], line["reason"]) == ("the service failed", "the database is away")
    assert "exception" not in line


def test_what_was_written_is_flushed_before_the_end() -> None:
    with program(
        """
        import sys
        from temporal_common.process import end_process

        sys.stdout.reconfigure(line_buffering=False, write_through=False)
        sys.stdout.write("the last words")
        end_process(3)
        """
    ) as running:
        assert running.says() == "the last words"
        assert running.ended() == (3, "")


def test_a_reader_that_is_gone_does_not_change_the_exit_code() -> None:
    with program(
        """
        import os, sys
        from temporal_common.process import end_process

        reading, writing = os.pipe()
        os.dup2(writing, 1)
        os.close(reading), os.close(writing)
        sys.stdout = open(1, "w", buffering=4096)
        sys.stdout.write("to no one")
        end_process(0)
        """
    ) as running:
        assert running.ended()[0] == os.EX_OK
