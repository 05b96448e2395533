"""`bench`: what it prints, what it writes, how it exits."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks.frame import command
from benchmarks.frame.benchmark import Benchmark, BenchmarkFailed, Measured, Run
from benchmarks.frame.figures import Figure


def benchmark(name: str, *rounds: float, fails: Exception | None = None) -> Benchmark:
    async def measure(run: Run) -> Measured:
        if fails:
            raise fails
        gain = Figure("gain", "x", rounds[: run.rounds], at_least=10)
        return Measured([gain, Figure("a < b & c", "ms", [5, 500])], ["It was <quiet>."])

    return Benchmark(name, f"{name} gains.", "How it is done.", measure, rounds=2)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_the_last_line_is_the_figure_and_its_verdict(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([benchmark("good", 20, 30)], ["good", "--output", str(output)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "good: holds  gain: 25 x [20-30], must be >= 10: holds"


def test_a_missed_bound_is_exit_code_1(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([benchmark("bad", 5, 5)], ["bad", "--output", str(output)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("bad: MISSED  gain: 5 x")


def test_one_that_fails_says_so_in_one_line_and_the_others_are_run(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    died = BenchmarkFailed("Temporal ended with -9")
    benchmarks = [benchmark("dead", fails=died), benchmark("good", 20, 20)]
    assert command.main(benchmarks, ["all", "--output", str(output)]) == 1
    said = capsys.readouterr()
    assert "dead: FAILED  Temporal ended with -9\n" in said.out
    assert "Traceback" not in said.out + said.err
    assert "1 of 2 benchmarks hold" in said.out.splitlines()[-1]
    assert [path.name for path in output.glob("*.json")] == ["good.json"]


def test_a_fault_of_a_benchmark_is_named_with_its_place(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty = benchmark("faulty", fails=ZeroDivisionError("division by zero"))
    assert command.main([faulty], ["faulty", "--output", str(output)]) == 1
    assert "FAILED  ZeroDivisionError: division by zero (test_command.py:" in (
        capsys.readouterr().out
    )


def test_the_result_names_machine_versions_load_and_rounds(output: Path) -> None:
    command.main([benchmark("good", 20, 30)], ["good", "--rounds", "1", "--output", str(output)])
    result = json.loads((output / "good.json").read_text())
    assert result["figures"][0]["rounds"] == [20]
    assert result["figures"][0]["holds"] is True
    assert result["machine"]["cpus"] >= 1
    assert {"python", "temporalio", "temporal", "postgres"} == set(result["versions"])
    assert len(result["load"]) == 2
    assert result["commit"]


def test_the_plot_is_xml_and_has_a_dot_for_each_round(output: Path) -> None:
    command.main([benchmark("good", 20, 30)], ["good", "--output", str(output)])
    root = ElementTree.fromstring((output / "good.svg").read_text())
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == 4


def test_resume_skips_what_has_a_result_of_this_commit(
    output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.frame.machine.commit", lambda: "0123456789ab")
    arguments = ["all", "--resume", "--output", str(output)]
    command.main([benchmark("one", 20, 20)], arguments)
    dead = benchmark("one", fails=BenchmarkFailed("it was run again"))
    assert command.main([dead, benchmark("two", 20, 20)], arguments) == 0
    assert "2 of 2 benchmarks hold" in capsys.readouterr().out
    monkeypatch.setattr("benchmarks.frame.machine.commit", lambda: "ba9876543210")
    assert command.main([dead], arguments) == 1


def test_all_leaves_out_what_cannot_be_run_here(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = benchmark("images", fails=BenchmarkFailed("it was run"))
    images = Benchmark(
        images.name, images.claim, images.how, images.measure, 1, why_not=lambda: "needs root"
    )
    benchmarks = [images, benchmark("good", 20, 20)]
    assert command.main(benchmarks, ["all", "--output", str(output)]) == 0
    assert "images: left out: needs root" in capsys.readouterr().err
    assert command.main(benchmarks, ["images", "--output", str(output)]) == 1


def test_the_page_is_made_of_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("benchmarks/results").mkdir(parents=True)
    Path("docs").mkdir()
    benchmarks = [benchmark("good", 20, 30), benchmark("later", 20)]
    assert command.main(benchmarks, ["good", "--record"]) == 0
    page = Path("docs/benchmarks.md").read_text()
    assert "| [good](#good) | gain | 25 x | 20-30 | >= 10 | holds |" in page
    assert "How it is done." in page
    assert "It was <quiet>." in page
    assert Path("docs/benchmarks/good.svg").exists()
    assert sorted(path.name for path in Path("benchmarks/results").iterdir()) == ["good.json"]
    assert "no result yet: later" in capsys.readouterr().err


def test_docs_outside_of_the_repository_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command.main([benchmark("good", 20)], ["docs"]) == 1
    assert "there is no folder benchmarks/results" in capsys.readouterr().err


def test_an_unknown_name_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main([benchmark("good", 20)], ["god"])
    assert "no benchmark 'god'; there are: good" in capsys.readouterr().err


def test_help_names_every_benchmark_with_its_claim(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        command.main([benchmark("good", 20)], ["--help"])
    said = capsys.readouterr().out
    assert "good gains." in said
    assert "examples:" in said
