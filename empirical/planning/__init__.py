"""What runs will need, measured before they start: `python -m empirical.run plan`.

plan              time, memory, disk of the runs of a command
settings          what a user states
step_cost         what a network's training costs on this machine, measured in seconds
scaling           time of data-parallel training against the number of devices
list_scheduling   a sweep of many runs on several slots
"""
