"""What a run is, and what it leaves behind.

config               a run fully resolved, and its hash
identity             what of a configuration names a run, so that configurations can grow
studies              how the runs that hold theory against measurement measure
preparation          a run's network at its initial weights, and its data on its device
own_code             a user's network and optimiser, tried before any run starts
records              a run's directory: configuration, epochs, checkpoint, summary; reading them back
environment          the machine and the packages that made a result
packed               finished runs in one file, for publication
packing              the command that packs them
metrics              the reference of every number in a record
missing_metric       a record's metrics, which say which one is missing
checkpoint           a trained network's state, used only as it was saved
json_files           JSON that anybody may have written, bounded
checkpoint_interval  how often a state is written that a killed run goes on from
resumable_parts      a long measurement in parts, each kept once it is done
encoded_tensors      tensors as text, to the bit
trained_network      a network that an earlier run trained, found again
training_loss        the training loss along a recorded run
"""
