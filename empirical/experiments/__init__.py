"""Named experiments: the runs that each plans from a user's settings, at one of three scales.

experiments             the experiments by name
experiment              what an experiment is
settings                what a user can choose
scales                  numbers of images and steps at the three scales
run_config              what plans share: the configuration of one run, its device, its images
cells                   runs of trained networks, as cells of a table
paper                   the paper's tables and figures
randomization_tests     the main job
studied_networks        `bounds` and `interpolants`
kernels                 minimum-norm interpolation with a kernel
capacity                the most random labels that a network is trained to fit
dynamics                training of wide two-layer networks
distance                steps to fit against the distance of the images
noise                   test error against label corruption
order                   what a network gets right along training, and when
memorisation            what an answer owes to one image
double_descent          random features, and networks, of more and more parameters
pac_bayes               a bound with an optimised posterior
measures                sharpness, and norms over margins
bits                    how many bits a network memorises
"""
