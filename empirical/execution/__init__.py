"""Carrying runs out: one run, many runs, on this machine, under torchrun or SLURM.

execute     one run: randomise, train or construct or measure, record
launcher    many runs in several processes, or as a job array
workers     resident processes that carry out run after run
gpu_shares  the GPUs of a machine, dealt out to processes
progress    what a user sees while runs go on
status      a sweep at a glance, from its records alone
stopwatch   time of work on a machine that others use too
kept_memory  memory that a training step frees, kept for the next
"""
