(** The networks of Theorem 1, as the paper writes them.

    R is any ordered field: the rationals, on which the package computes
    exactly, or the real numbers.  A point x and the direction a are vectors of
    R^d; the biases b and the weights w are n numbers each: 2n + d in all. *)

From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Network.
Variable R : realFieldType.

(** relu x = max(x, 0) *)
Definition relu (x : R) : R := Num.max x 0.

(** <a, x> *)
Definition dot d (a x : 'rV[R]_d) : R := \sum_(k < d) a 0 k * x 0 k.

(** c(x) = sum_j w_j max(<a, x> - b_j, 0) *)
Definition network n d (a : 'rV[R]_d) (b w : 'I_n -> R) (x : 'rV[R]_d) : R :=
  \sum_(j < n) w j * relu (dot a x - b j).

(** b_1 < z_1 <= b_2 < z_2 <= ... <= b_n < z_n *)
Definition interleaved n (b z : 'I_n -> R) : Prop :=
  (forall i, b i < z i) /\
  (forall i j : 'I_n, j = i.+1 :> nat -> z i <= b j).

(** Lemma 1's matrix, max(z_i - b_j, 0) in row i and column j *)
Definition hinge_matrix n (b z : 'I_n -> R) : 'M[R]_n :=
  \matrix_(i, j) relu (z i - b j).

Lemma relu_pos x : 0 <= x -> relu x = x.
Proof. by move=> x_ge0; rewrite /relu max_l. Qed.

Lemma relu_neg x : x <= 0 -> relu x = 0.
Proof. by move=> x_le0; rewrite /relu max_r. Qed.

Lemma relu_ge0 x : 0 <= relu x.
Proof. by rewrite /relu le_maxr lexx orbT. Qed.

Lemma interleaved_after n (b z : 'I_n -> R) (i j : 'I_n) :
  interleaved b z -> (i < j)%N -> z i <= b j.
Proof.
move=> [lt_bz le_zb]; case: j => j lt_jn /=.
elim: j lt_jn => [//|j IHj] lt_jn; rewrite ltnS leq_eqVlt => /orP[/eqP eq_ij|lt_ij].
  by apply: le_zb; rewrite /= eq_ij.
have lt_jn' := ltnW lt_jn.
apply: (le_trans (IHj lt_jn' lt_ij)).
by apply: (le_trans (ltW (lt_bz (Ordinal lt_jn')))); apply: le_zb.
Qed.

End Network.
