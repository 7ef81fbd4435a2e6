"""One training loop and what it takes: data, optimisation, evaluation, ranks.

config                what a training run is: every hyper-parameter, with the paper's as defaults
schedule              how long the paper trains on a data set, and how fast the step size falls there
data                  the labels of a run and the sources of its images, on the device
batches               the batches of an epoch, in the epoch's own order
optimization          the optimiser, the step size at a step, the precision of products
stepper               steps: forward, backward, update, and the streams of random layers
graphed_stepper       the same steps, each replayed as one CUDA graph
evaluation            what the fixed network makes of a split
epoch_record          the record of an epoch
loop                  `train`: epochs, records, states to resume from, the stopping rule
state                 where a training run is: all that going on needs
augmentation, dropout  explicit regularisers
image_source, streamed_images  where images come from: memory, or a storage that memory does not hold
random_state          torch's own random numbers, put back after a block
distributed, synchronised_layers  several processes that train one network on global batches
torchrun              whether torchrun has started this process beside others
many_networks         many small networks trained at once
"""
