"""What runs will need, measured before they start: `python -m empirical.run plan`.

plan              time, memory, disk of the runs of a command
settings          what a user states
step_cost         what a network's training costs on this machine, measured in seconds
"""
