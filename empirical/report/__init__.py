"""Results as tables: on a terminal, as text, as CSV.

text_table    a table as plain text cells, which the console and the page show alike
console       tables on a terminal
results_csv   every finished run as a row of a table
"""
