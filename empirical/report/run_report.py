"""What a command reports of its runs: tables and claims on the screen; files, figures and the page with the records."""

import os
import subprocess
import sys
from pathlib import Path

from rich.text import Text

import empirical
from empirical.claims.kernels import kernel_results
from empirical.claims.paper_tables import TABLES, data_sets, sized_tables_of
from empirical.claims.result_sets import result_sets
from empirical.claims.studies import COMPARISONS
from empirical.claims.verdicts import claim_verdicts, lines_of, subjects, write_verdicts
from empirical.report.console import kernel_table, paper_table, results_table
from empirical.report.freshness import Report
from empirical.report.results_csv import write_results
from empirical.report.theory_findings import theory_findings
from empirical.runs.records import Run, read_runs
from empirical.text_table import WIDE, rendered, wide_console
from theory.claims import write_findings


def report_runs(name: str, finished: list[Run], out: Path) -> bool:
    """Print the tables, write the claims, and draw the figures and the page from the records; returns whether they were
    drawn."""
    if not finished:
        return False
    console = wide_console()
    if table := TABLES.get(name):
        for data, some in data_sets(finished).items():
            for (paper, size), rows in sized_tables_of(data, some).items():
                if paper is table:
                    console.print(paper_table(paper, data, rows, size))
    else:
        for results in result_sets(finished):
            console.print(results_table(results, narrow=console.width < WIDE))
        for kernels in kernel_results(finished):
            console.print(kernel_table(kernels))
    for comparison in COMPARISONS.values():
        for study_results in comparison.results(finished):
            console.print(rendered(comparison.table(study_results)))
    recorded = read_runs(out)
    everything, hashes = subjects(recorded), {run.config.hash for run in finished}
    shown = [subject for subject in everything if subject.hashes & hashes]
    for subject in shown:
        if len(shown) > 1:
            console.print(Text(f"\n{subject.name}"))
        for line in lines_of(subject.findings):
            console.print(Text(line))
    write_results(recorded, out)
    theory = theory_findings(0, out)
    write_findings(theory, out / "theory.json")
    report = Report(out)
    drawn = report.fresh
    if not drawn:
        write_verdicts(claim_verdicts(everything, theory), out / "claims.json")
        if drawn := _draw(out):
            report.stamp()
    print(f"records: {out}" + f"   figures: {out / 'figures'}   report: {out / 'report.html'}" * drawn)
    return drawn


def _draw(out: Path) -> bool:
    """Draw the figures in a process of its own, from records alone: nothing here imports their package.

    It is the package beside this one, whatever the user's own modules in the current directory are called.
    """
    beside = [str(Path(empirical.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    drawn = subprocess.run(
        [sys.executable, "-P", "-X", "utf8", "-m", "figures", str(out)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(beside)},
        capture_output=True,
        encoding="utf-8",  # whatever this machine's locale is
        errors="replace",
        check=False,
    )
    if drawn.returncode:
        print(f"the figures could not be drawn: {drawn.stderr.strip()}", file=sys.stderr)
    return drawn.returncode == 0 and (out / "report.html").exists()
