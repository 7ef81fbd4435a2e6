(** The checker as an OCaml program: check.ml reads a certificate and a sample
    and calls these functions.  Integers become Zarith's, whose arithmetic is
    trusted; the greatest common divisor is checked by the program itself. *)

From Coq Require Import ZArith Extraction ExtrOcamlZBigInt ExtrOcamlBasic.
From mathcomp Require Import all_ssreflect.
From Rethinking Require Import certificate.

Extract Constant Z.gcd => "Big_int_Z.gcd_big_int".
Extract Inlined Constant Z.ltb => "Big_int_Z.lt_big_int".

Extraction "checker.ml" Certificate Fraction start absorb finish.
