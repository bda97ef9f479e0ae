"""What a CI job shows of a check: the verdicts as they are, in Markdown, as annotations, and on a page of its own."""

import re

import pytest
from builders.check_study import check_row
from builders.sweeps import config
from click.testing import CliRunner

from suite.analysis.check_rows import CheckFile, CheckLook, CheckRow
from suite.cli.app import main
from suite.gate import check as published_check
from suite.gate.drift_rows import DriftRow, FrozenSummary
from suite.gate.outcome import exit_code, gate_line
from suite.report.gate import GateResult, markdown, result_of, write

NOTE = "walker on Nowhere-v0: nothing is published | of it."


def judged(verdict: str, **fields) -> CheckRow:
    """A primary endpoint with that verdict after a look at five seeds, of at most ten."""
    look = CheckLook(5, 0, 200.0, 0.01, 0.9, verdict, False)
    row = {"verdict": verdict, "looks": (look,), "looks_planned": (5, 10), "sentence": f"It is a {verdict} *here*."}
    return check_row(**row | fields)


def drifted(verdict: str) -> DriftRow:
    like = judged("PASS")
    same = {name: getattr(like, name) for name in ("task", "implementation", "run_id", "variant", "env_step", "ours",
            "random_policy", "difference", "low", "high", "df", "n_needed", "p", "margin", "confidence")}  # fmt: skip
    return DriftRow(**same, theirs=FrozenSummary(-200.0, 1.0, 5), seeds_in_both=5, identical=0, verdict=verdict,
                    held_back=None, p_different=0.01, p_different_adjusted=None, family_size=1, paired_seeds=(),
                    changed={}, baseline="before", gated=True, sentence=f"It is {verdict}.")  # fmt: skip


def result(*rows, undecided_ok=False) -> GateResult:
    return result_of("nightly", "config/nightly.yaml", rows, (NOTE,), undecided_ok)


SECONDARY = judged("FAIL", role="secondary", env_step=5_000, sentence="Only looked at.")


@pytest.mark.parametrize(
    ("row", "head", "level"),
    [
        (judged("PASS"), "passes", None),
        (judged("FAIL"), "fails", "error"),
        (judged("NOT_LEARNED"), "fails", "error"),
        (judged("INCONCLUSIVE"), "is undecided", "warning"),
        (judged("SUSPICIOUSLY_BETTER"), "is undecided", "warning"),
        (judged("INCONCLUSIVE", looks=()), "has nothing to judge", "warning"),
        (drifted("EQUIVALENT"), "passes", None),
        (drifted("DIFFERENT"), "fails", "error"),
    ],
)
def test_the_summary_and_the_annotations_say_what_the_gate_says(row, head, level):
    shown = result(row)
    text = markdown(shown)
    assert text.startswith(f"## nightly: the gate {head}\n") and shown.code == exit_code([row], True)
    assert gate_line([row])[1:].rstrip() in text.replace("\\", "")
    assert f"| **{row.verdict.replace('_', ' ')}** | primary |" in text.replace("\\", "")
    if level is None:
        assert shown.annotations == ()
        return
    (annotation,) = shown.annotations
    assert annotation.startswith(
        f"::{level} file=config/nightly.yaml,title={row.verdict.replace('_', ' ')}%3A Pendulum"
    )
    assert annotation.endswith(f"::{row.sentence}")


def test_secondary_rows_are_shown_after_the_endpoints_and_annotate_nothing():
    shown = result(SECONDARY, judged("PASS"))
    assert [row.role for row in shown.rows] == ["primary", "secondary"] and shown.annotations == ()
    assert "- Only looked at." in markdown(shown) and "| FAIL | secondary |" in markdown(shown)


def test_what_is_still_open_after_the_last_look_may_pass():
    look = CheckLook(10, 0, 50.0, 0.2, 0.2, "INCONCLUSIVE", False)
    row = judged("INCONCLUSIVE", looks=(look,))
    assert result(row).code == 4 and len(result(row).annotations) == 1
    assert result(row, undecided_ok=True).code == 0 and result(row, undecided_ok=True).annotations == ()


def test_nothing_in_a_sentence_ends_an_annotation_or_a_table():
    row = judged("FAIL", sentence="50 % worse\n::error::of | it", variant="a|b, c:d")
    (annotation,) = result(row).annotations
    assert "\n" not in annotation and annotation.endswith("::50 %25 worse%0A::error::of | it")
    assert annotation.count(",") == 1 + annotation.partition("::50")[2].count(",")
    (line,) = [line for line in markdown(result(row)).splitlines() if line.startswith("| Pendulum")]
    assert len(re.findall(r"(?<!\\)\|", line)) == 7


def test_a_check_without_rows_says_so():
    text = markdown(result())
    assert "has nothing to judge" in text and "- walker on Nowhere-v0: nothing is published \\| of it." in text
    assert "|---" not in text


def test_the_page_asks_for_nothing_from_elsewhere(tmp_path):
    row = judged("FAIL", sentence="<script>alert(1)</script> & so on")
    write(result(row, SECONDARY), tmp_path / "deep" / "ci")
    page = (tmp_path / "deep" / "ci" / "gate.html").read_text()
    assert "<h1>nightly: the gate fails</h1>" in page and "&lt;script&gt;" in page and "<script" not in page
    assert not re.search(r"""(src|href|url|@import)\s*[=(]""", page) and "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page and page.count('<tr class="primary">') == 1
    assert {path.name for path in (tmp_path / "deep" / "ci").iterdir()} == {"gate.md", "gate.html"}


# --- the command


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """Makes `check` see these rows, in a folder with a config, and runs it."""
    config(tmp_path).rename(tmp_path / "nightly.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def run(rows, *arguments):
        monkeypatch.setattr(published_check, "main", lambda *_, **__: CheckFile(tuple(rows), (NOTE,)))
        return CliRunner().invoke(main, ["check", "--config", "nightly.yaml", *arguments])

    return run


@pytest.mark.parametrize(
    ("rows", "code"), [([judged("PASS")], 0), ([judged("FAIL")], 1), ([], 3), ([judged("INCONCLUSIVE")], 4)]
)
def test_exit_codes_and_output_are_the_same_with_what_ci_shows(checked, tmp_path, rows, code):
    plain = checked(rows, "--gate")
    shown = checked(rows, "--gate", "--ci", "out")
    assert plain.exit_code == shown.exit_code == code and plain.output == shown.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"gate.md", "gate.html"}


def test_a_ci_job_gets_its_summary_and_its_annotations(checked, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (tmp_path / "summary").write_text("of a step before\n")
    done = checked([judged("FAIL")], "--gate", "--json", "--ci", "out")
    assert done.exit_code == 1 and done.stderr.startswith("::error file=nightly.yaml,title=FAIL%3A")
    assert '"verdict": "FAIL"' in done.stdout and "::error" not in done.stdout
    assert (tmp_path / "summary").read_text() == "of a step before\n" + (tmp_path / "out" / "gate.md").read_text()


def test_a_folder_without_the_gate_or_that_is_a_file_is_one_sentence(checked, tmp_path):
    done = checked([], "--ci", "out")
    assert done.exit_code == 2 and done.stderr == "error: --ci shows what the gate says; give --gate with it\n"
    (tmp_path / "taken").write_text("a file")
    done = checked([judged("PASS")], "--gate", "--ci", "taken")
    assert done.exit_code == 2 and done.stderr.count("\n") == 1 and (tmp_path / "taken").read_text() == "a file"
