#!/usr/bin/env bash
# The runs at the paper's own size, all 50,000 images of CIFAR-10, in their order of importance.
#
#   results/reproduce.sh DATA OUT [LANE ...]
#
# DATA is the folder that holds cifar-10-batches-bin; the records go to OUT. A lane is a list of runs on one thread, so
# that two cores take two lanes at once; without lanes they follow each other. Start this again at any time: finished
# runs are skipped, interrupted ones go on to the bit. `python -m empirical.run status OUT/FOLDER` tells what is
# finished, at work and left.
#
# Hours on one core: Inception 0.22 an epoch, 3.3 for true labels and about 11 for random ones; AlexNet 0.05 an epoch,
# 0.7 and 2.7; a perceptron's run 10 to 40 minutes.
set -u
data=${1:?usage: results/reproduce.sh DATA OUT [LANE ...]}
out=${2:?usage: results/reproduce.sh DATA OUT [LANE ...]}
shift 2
lanes=${*:-convolutional others}
# The number of threads changes the order of sums and with it the last bits, so it is part of the recipe.
export OMP_NUM_THREADS=1

run() { # FOLDER ARGUMENTS ...: goes on with the next run if this one fails, having said so
  local folder=$1
  shift
  python -m empirical.run "$@" --data-root "$data" --out "$out/$folder" ||
    echo "failed: python -m empirical.run $* --out $out/$folder" >&2
}
cifar() { run cifar10-paper-size "$@" --scale paper --device cpu; }
# A network that fits sooner than the paper's schedule ends has had less of the decay, and would decide nothing.
decayed() {
  run cifar10-paper-size --data cifar10 --model "$1" --tests random-labels --device cpu \
    --training.weight-decay 1e-4 --training.min-steps 25000 --training.epochs-per-train-evaluation 10
}
perceptron() { run cifar10 --data cifar10 --device cpu "$@"; }

convolutional() {
  cifar figure1 --model inception --tests random-labels
  cifar figure1 --model inception --tests true-labels
  cifar figure1 --model inception --tests shuffled-pixels random-pixels gaussian
  cifar table1 --model inception --tests true-labels
  decayed inception
  cifar table4 --model inception --tests random-labels
  cifar table1 --model inception-no-bn
}

others() {
  cifar figure1 --model alexnet --tests random-labels true-labels
  perceptron --model mlp-3x512 --tests true-labels random-labels --seed 0 1 2
  perceptron --model mlp-3x512 --tests true-labels random-labels --training.weight-decay 1e-4
  perceptron --model mlp-1x512 --tests true-labels random-labels --training.weight-decay 1e-4
  decayed mlp-3x512
  perceptron --model mlp-1x512 --tests true-labels random-labels --seed 0 1 2
  cifar table1 --model alexnet
  decayed alexnet
}

for lane in $lanes; do
  case $lane in
    convolutional | others) $lane ;;
    *) echo "no lane $lane: there are convolutional and others" >&2 && exit 2 ;;
  esac
done
