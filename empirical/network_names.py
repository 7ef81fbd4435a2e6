"""The networks of the paper and of its authors' release by name, as far as they are known without building them."""

LEARNING_RATES = {
    "mlp-1x512": 0.01,
    "mlp-3x512": 0.01,
    "inception": 0.1,
    "inception-no-bn": 0.1,
    "alexnet": 0.01,
    "wide-resnet-28-1": 0.1,
    "inception-v3": 0.045,
}
"""The initial step size of SGD with momentum 0.9 that goes with each; `empirical.models.MODELS` builds them.

The paper's (appendix A): 0.1 for the small Inception, 0.01 for the small AlexNet and the perceptrons. 0.1 for Wide
ResNets, as in the authors' release. 0.045 for Inception V3: TensorFlow's package has it for RMSprop with an epsilon of
1, which divides by little more than 1 where gradients are small.
"""
