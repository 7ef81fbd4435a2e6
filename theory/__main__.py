"""Check the theory's claims on fresh random instances: `python -m theory`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from theory.claims import (
    CheckedClaim,
    Finding,
    Verdict,
    findings_json,
    run_check,
    run_thoroughly,
    write_findings,
)
from theory.common.names import nearest_name
from theory.common.terminal import prepare_output
from theory.proofs import checked_proof

_THOROUGH_SEEDS = 5
_STYLES = {Verdict.HOLDS: "green", Verdict.DOES_NOT_HOLD: "bold red", Verdict.NOT_DECIDED: "yellow"}


@dataclass(frozen=True)
class Options:
    """Check the theory's claims on fresh random instances, and print what was measured.

    Exit status 0 only if every claim checked holds.
    """

    list: bool = False
    """Print the claims and their sources, check nothing."""

    only: Annotated[tuple[str, ...], tyro.conf.arg(metavar="ID ...")] = ()
    """Ids of the claims to check; all by default."""

    seed: int = 0
    """Seed of the random instances: any seed must do."""

    thorough: bool = False
    """Check every claim on five seeds, from --seed on: it holds only if it does on each. Takes minutes."""

    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the findings to this file, too; - for standard output, with the tables on standard error."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = tyro.cli(Options, prog="python -m theory", args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    from theory.checks import CLAIMS  # with all that they check by: the help needs none of it

    claims = {checked.claim.id: checked for checked in CLAIMS}
    for name in options.only:
        if name not in claims:
            print(f"error: --only takes ids of claims; {nearest_name(name, claims)}", file=sys.stderr)
            return 2
    if options.seed < 0:
        print(f"error: --seed takes a non-negative integer, got {options.seed}", file=sys.stderr)
        return 2
    piped = options.json == Path("-")
    if options.json is not None and (options.json.is_dir() or not options.json.absolute().parent.is_dir()):
        print(f"error: --json takes a file in a folder that is there, got {options.json.absolute()}", file=sys.stderr)
        return 2
    chosen = [claims[name] for name in options.only] or list(CLAIMS)
    console = Console(width=None if sys.stdout.isatty() else 160, stderr=piped)
    if options.list:
        console.print(_list_table(chosen))
        return 0
    seeds = range(options.seed, options.seed + (_THOROUGH_SEEDS if options.thorough else 1))
    findings = []
    for checked in chosen:
        if sys.stderr.isatty():
            print(f"\r\033[Kchecking {checked.claim.id}", end="", file=sys.stderr, flush=True)
        findings.append(run_thoroughly(checked, seeds) if options.thorough else run_check(checked, options.seed))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    console.print(_findings_table(findings))
    if piped:
        print(findings_json(findings), flush=True)
    elif options.json is not None:
        write_findings(findings, options.json)
    held = sum(finding.evidence.verdict is Verdict.HOLDS for finding in findings)
    which = f"seeds {seeds[0]} to {seeds[-1]}" if options.thorough else f"seed {options.seed}"
    console.print(f"{held} of {len(findings)} claims hold ({which}, {sum(f.seconds for f in findings):.1f} s)")
    proved = sum(checked_proof(finding.claim.proof) is not None for finding in findings)
    if proved:
        console.print(f"{proved} of them are proved, machine-checked (python -m theory.proofs)")
    if any(checked.size for checked in chosen):
        console.print(_sizes(chosen, len(seeds)))
    return 0 if held == len(findings) else 1


def _sizes(claims: list[CheckedClaim], seeds: int) -> str:
    """How often the tests of these claims reject one that is true, and how much of that is proved."""
    sizes: dict[str, float] = {}
    for checked in claims:
        if checked.size:
            sizes[checked.size_is] = sizes.get(checked.size_is, 0.0) + checked.size * seeds
    most = "at most" if list(sizes) == ["proved"] else "about"
    shares = ", ".join(f"{size:.1e} {kind}" for kind, size in sorted(sizes.items(), reverse=True))
    return (
        "if all of them are true, the statistical tests among them reject any with probability "
        f"{most} {sum(sizes.values()):.1e} ({shares})"
    )


def _list_table(claims: list[CheckedClaim]) -> Table:
    table = Table("claim", "statement", "source", title="The theory's claims", title_justify="left")
    for checked in claims:
        table.add_row(Text(checked.claim.id), Text(checked.claim.statement), Text(checked.claim.source))
    return table


def _findings_table(findings: list[Finding]) -> Table:
    table = Table(title="The theory's claims, checked", title_justify="left", show_lines=True)
    for header, ratio in (("claim", 3), ("source", 3), ("measured", 5), ("bound", 4), ("verdict", 2)):
        table.add_column(header, ratio=ratio)
    for finding in findings:
        evidence = finding.evidence
        proof = checked_proof(finding.claim.proof)
        table.add_row(
            Text.assemble((finding.claim.id, "bold"), "\n", finding.claim.statement),
            Text(finding.claim.source),
            Text(f"{proof}\n{evidence.measured}" if proof else evidence.measured),
            Text(f"{evidence.bound}\n({evidence.reason})"),
            Text(evidence.verdict.value, style=_STYLES[evidence.verdict]),
        )
    return table


def program() -> int:
    """The console script; returns the exit status."""
    prepare_output()
    return main()


if __name__ == "__main__":
    sys.exit(program())
