"""Measurements that hold theory against trained networks: one module or package for each kind of run.

bits                    how many bits a network memorises of random tokens or labels
bounds                  bounds and complexity measures of a trained network
capacity                the largest n whose random labels a network is trained to fit: a search over n
colour_statistics       how far the colours of an image alone tell its class
double_descent          least squares on more and more random Fourier features
dynamics                a wide two-layer network, beside the curve that H-infinity predicts
interpolants            Theorem 1's network and a trained one on the same sample
label_noise             what theory predicts of test accuracy under label corruption
measures                norms over margins, and sharpness: which order true before random labels
memorisation            how much networks owe their answer on a training image to that image
network_double_descent  two-layer networks of more and more hidden units, looked at along training
order                   what a network gets right along training on partly corrupted labels
pac_bayes               a PAC-Bayes bound with an optimised posterior, on two classes
separation              how far images are apart, as a network gets them
"""
