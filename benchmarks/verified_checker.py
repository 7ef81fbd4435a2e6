"""The checkers of certificates beside each other: `python -m benchmarks.verified_checker --cifar10 DIR`.

Each holds the certificate of Theorem 1's network on the first n images of CIFAR-10, with random labels, against these
images: the verified checker as an OCaml program, the Python one, and, for few small images only, the verified one
inside Coq. All on a single core. A certificate with one weight changed has to be refused.
"""

import argparse
import time

import numpy as np

from empirical.datasets import load
from theory.expressivity import certificate, check_certificate, exact_relu_interpolant
from theory.proofs.compilation import run_coq
from theory.proofs.verified_checker import checker, instance, verified_check


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar10", required=True, help="folder of CIFAR-10")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 50_000])
    options = parser.parse_args()
    images = load("cifar10", options.cifar10).train.images
    points = images.reshape(len(images), -1)
    labels = np.random.default_rng(0).integers(0, 10, len(points))
    start = time.perf_counter()
    with checker() as program:
        print(f"proof compiled, checker extracted and built: {time.perf_counter() - start:.1f} s")
        few = points[:20, :30].astype(np.int64)
        document = certificate(exact_relu_interpolant(few, labels[:20]))
        (program.parent / "instance.v").write_text(instance(document, few, labels[:20].tolist()))
        start = time.perf_counter()
        run_coq(program.parent / "instance.v")
        print(f"inside Coq, 20 points of 30 coordinates: {time.perf_counter() - start:.1f} s")
        print(f"{'n':>7}  {'verified: program':>18}  {'with its input':>14}  {'Python':>8}  one weight changed")
        for n in options.sizes:
            document = certificate(exact_relu_interpolant(points[:n], labels[:n]))
            start = time.perf_counter()
            verified = verified_check(document, points[:n], labels[:n], program)
            total = time.perf_counter() - start
            start = time.perf_counter()
            plain = check_certificate(document, points[:n], labels[:n])
            python = time.perf_counter() - start
            (layer,) = document["layers"]
            weights = list(layer["weights"][0])
            weights[n // 2] = "1"
            tampered = {**document, "layers": [{**layer, "weights": [weights]}]}
            refused = not verified_check(tampered, points[:n], labels[:n], program).holds
            if not (verified.holds and plain.holds and refused):
                raise SystemExit(f"n = {n}: {verified}, {plain}, tampered certificate refused: {refused}")
            print(f"{n:>7,}  {verified.seconds:>16.1f} s  {total:>12.1f} s  {python:>6.1f} s  refused", flush=True)


if __name__ == "__main__":
    main()
