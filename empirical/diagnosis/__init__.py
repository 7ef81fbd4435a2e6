"""Why does a network not fit its labels? `python -m empirical.run diagnose` asks in order, and answers in words.

diagnose              all checks, in order
command               the command: gather the data, ask, print the answers
fixed_data            do labels and images stay what they are from epoch to epoch?
label_randomness      are random labels random?
inputs                are images normalised, classes numbered from 0, samples shuffled?
outputs               are the outputs logits, or a softmax of them?
regularization        is dropout or weight decay on?
accuracy_measurement  is accuracy that of the fixed network?
gradient_flow         dead units; zero, vanishing, exploding gradients
step_size             too small, too large, decayed too soon
capacity              parameters, bottlenecks, equal images with different labels
passes, probe         what is measured: passes over the data, short trainings
answer                question, answer, verdict, advice
"""

from empirical.diagnosis.accuracy_measurement import check_accuracy
from empirical.diagnosis.answer import Answer, Verdict, first_problem
from empirical.diagnosis.capacity import check_duplicates, check_narrowest_layer, check_parameters
from empirical.diagnosis.command import run_diagnosis
from empirical.diagnosis.diagnose import diagnose
from empirical.diagnosis.fixed_data import check_images_fixed, check_labels_fixed
from empirical.diagnosis.gradient_flow import check_dead_units, check_gradients
from empirical.diagnosis.inputs import check_classes, check_order, check_scale
from empirical.diagnosis.label_randomness import check_labels_random
from empirical.diagnosis.outputs import check_outputs
from empirical.diagnosis.passes import Pass, read_pass
from empirical.diagnosis.probe import Probe, probe
from empirical.diagnosis.regularization import check_stochastic_layers, check_weight_decay
from empirical.diagnosis.step_size import check_schedule, check_step_size

__all__ = [
    "Answer",
    "Pass",
    "Probe",
    "Verdict",
    "check_accuracy",
    "check_classes",
    "check_dead_units",
    "check_duplicates",
    "check_gradients",
    "check_images_fixed",
    "check_labels_fixed",
    "check_labels_random",
    "check_narrowest_layer",
    "check_order",
    "check_outputs",
    "check_parameters",
    "check_scale",
    "check_schedule",
    "check_step_size",
    "check_stochastic_layers",
    "check_weight_decay",
    "diagnose",
    "first_problem",
    "probe",
    "read_pass",
    "run_diagnosis",
]
