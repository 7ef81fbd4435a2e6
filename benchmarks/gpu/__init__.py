"""Check and measure this project on a GPU, in one call: `python -m benchmarks.gpu --seconds 900`.

checklist   named checks, each done once, within the time that is left
subjects    networks and data as a run has them, losses step by step
machine     what the machine is, and the most that it does a second
agreement   the GPU against the CPU, twice, resumed, in every precision, streamed, graphed, by NCCL
commands    every experiment, by the command line
speed       images a second, with the arithmetic; several processes on one GPU
tables      tables 1 and 4 at the paper's scale, as far as the time allows
"""
