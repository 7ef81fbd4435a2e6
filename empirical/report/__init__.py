"""Results as tables, on a terminal, as text, as CSV; and what the report needs beside the records.

tables        tables of runs, from records alone
console       the same on a terminal
markup        the same in Markdown and LaTeX
freshness     whether figures and page are still those of the records
run_report    what a command says and leaves at its end
results_csv   every finished run as a row of a table
theory_findings  what `python -m theory` finds, kept for each version of the theory
"""
