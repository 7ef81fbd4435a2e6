"""The paper's claims, decided from records alone.

claim                 a claim as one object: statement, source, the paper's numbers, check
paper, paper_words    the paper's own numbers, and the same in words
seeds                 the seeds of runs in words, short however many there are
paper_claims          all claims in one list, collected from the modules that decide them
paper_tables          tables 1, 2 and 4, the paper's values beside ours
significance          statistical tests of classifiers that share a test set, of seeds, and of several levels
chance                what guessing gives, up to the majority class
fitting               whether networks fit their labels: exactly, or nearly all
results               runs that are compared with one another, of whatever experiment
networks_on_tests     which records are of the paper's tests
result_sets           networks sorted into the sets that are compared with one another
results_table         networks on the tests, beside the paper, guessing or memorising
hits                  which test images networks hit
training_in_words     how networks are trained, for titles and captions
randomization_tests   C1 to C6, C8, C9, C18, C29: trained networks and the explicit one on the paper's tests
regularization        C11 to C17
kernels               C25 to C28
bounds, distance, capacity, dynamics, interpolants, label_noise   what the studies found; C7, C21, C22
order, memorisation, double_descent, network_double_descent, pac_bayes, measures, bits   beyond the paper
studies               how each study sorts runs, decides claims and shows them
verdicts              every claim with all that was found for or against it
"""
