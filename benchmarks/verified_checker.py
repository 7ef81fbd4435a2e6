"""The checkers of certificates beside each other: `python -m benchmarks.verified_checker --cifar10 DIR`.

Each holds the certificate of Theorem 1's network on the first n images of CIFAR-10, with random labels, against these
images: the verified checker as an OCaml program, the Python one, and, for few small images only, the verified one
inside Coq. All on a single core, in seconds of processor time, which a busy machine inflates less than the clock's. A
certificate with one weight changed has to be refused.
"""

import argparse
import os

import numpy as np

from empirical.datasets import load
from theory.expressivity import certificate, check_certificate, exact_relu_interpolant
from theory.proofs.compilation import run_coq
from theory.proofs.verified_checker import checker, instance, verified_check


def processor_time() -> tuple[float, float]:
    """Seconds of this process, and of the programs that it has run."""
    spent = os.times()
    return spent.user + spent.system, spent.children_user + spent.children_system


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar10", required=True, help="folder of CIFAR-10")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 50_000])
    options = parser.parse_args()
    images = load("cifar10", options.cifar10).train.images
    points = images.reshape(len(images), -1)
    labels = np.random.default_rng(0).integers(0, 10, len(points))
    with checker() as program:
        few = points[:20, :30].astype(np.int64)
        document = certificate(exact_relu_interpolant(few, labels[:20]))
        (program.parent / "instance.v").write_text(instance(document, few, labels[:20].tolist()))
        _, start = processor_time()
        run_coq(program.parent / "instance.v")
        print(f"inside Coq, 20 points of 30 coordinates: {processor_time()[1] - start:.1f} s")
        print(f"{'n':>7}  {'verified program':>16}  {'writing its input':>17}  {'Python checker':>14}")
        for n in options.sizes:
            document = certificate(exact_relu_interpolant(points[:n], labels[:n]))
            (layer,) = document["layers"]
            weights = list(layer["weights"][0])
            weights[n // 2] = "1"
            tampered = {**document, "layers": [{**layer, "weights": [weights]}]}
            writing, running = processor_time()
            verified = verified_check(document, points[:n], labels[:n], program)
            written, ran = processor_time()
            print(f"{n:>7,}  {ran - running:>14.1f} s  {written - writing:>15.1f} s", end="", flush=True)
            plain = check_certificate(document, points[:n], labels[:n])
            print(f"  {processor_time()[0] - written:>12.1f} s", flush=True)
            if not (verified.holds and plain.holds):
                raise SystemExit(f"n = {n}: {verified}, {plain}")
            if verified_check(tampered, points[:n], labels[:n], program).holds:
                raise SystemExit(f"n = {n}: a certificate with one weight changed is accepted")
            print(f"{'':>7}  one weight changed: refused", flush=True)


if __name__ == "__main__":
    main()
