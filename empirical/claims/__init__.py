"""The paper's claims, decided from records alone.

paper                 the paper's own numbers
paper_claims          what each claim says, and what decides it
paper_tables          tables 1, 2 and 4, the paper's values beside ours
significance          statistical tests of classifiers that share a test set
randomization_tests   C1 to C9, C29: trained networks and the explicit one on the paper's tests
regularization        C11 to C17
kernels               C25 to C28
bounds, capacity, dynamics, interpolants, label_noise   what the studies found
studies               how each study sorts runs, decides claims and shows them
verdicts              every claim with all that was found for or against it
"""
