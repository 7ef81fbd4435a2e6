(** Lemma 1.  For b_1 < z_1 <= b_2 < z_2 <= ... <= b_n < z_n the matrix
    A = [max(z_i - b_j, 0)] is lower triangular and invertible, its
    characteristic polynomial is the product of the X - (z_i - b_i), so its
    eigenvalues are the z_i - b_i, and the least of them is min_i (z_i - b_i). *)

From mathcomp Require Import all_ssreflect all_algebra.
From Rethinking Require Import network.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Lemma1.
Variables (R : realFieldType) (n : nat) (b z : 'I_n -> R).
Hypothesis bz : interleaved b z.
Let A := hinge_matrix b z.

Theorem lemma_1_triangular (i j : 'I_n) : (i < j)%N -> A i j = 0.
Proof.
by move=> lt_ij; rewrite mxE relu_neg // subr_le0 (interleaved_after bz).
Qed.

Lemma lemma_1_diagonal i : A i i = z i - b i.
Proof. by rewrite mxE relu_pos // subr_ge0 ltW // bz.1. Qed.

Let trigonal : is_trig_mx A.
Proof. exact/is_trig_mxP/lemma_1_triangular. Qed.

Theorem lemma_1_invertible : A \in unitmx.
Proof.
rewrite unitmxE unitfE det_trig //; apply/prodf_neq0 => i _.
by rewrite lemma_1_diagonal subr_eq0 gt_eqF // bz.1.
Qed.

Theorem lemma_1_char_poly : char_poly A = \prod_(i < n) ('X - (z i - b i)%:P).
Proof.
rewrite char_poly_trig //; apply: eq_bigr => i _.
by rewrite lemma_1_diagonal.
Qed.

Theorem lemma_1_eigenvalues l : eigenvalue A l <-> exists i, l = z i - b i.
Proof.
rewrite eigenvalue_root_char lemma_1_char_poly rootE horner_prod.
split=> [/prodf_eq0[i _]|[i ->]]; last by apply/prodf_eq0; exists i; rewrite // hornerXsubC subrr.
by rewrite hornerXsubC subr_eq0 => /eqP ->; exists i.
Qed.

Theorem lemma_1_least_eigenvalue (m : R) :
  (exists i, m = z i - b i) -> (forall i, m <= z i - b i) ->
  eigenvalue A m /\ (forall l, eigenvalue A l -> m <= l) /\ 0 < m.
Proof.
move=> is_m le_m; split; first exact/lemma_1_eigenvalues.
split=> [l /lemma_1_eigenvalues[i ->] //|].
by case: is_m => i ->; rewrite subr_gt0 bz.1.
Qed.

(** All of it together *)
Theorem lemma_1 :
  [/\ forall i j : 'I_n, (i < j)%N -> A i j = 0,
      A \in unitmx,
      char_poly A = \prod_(i < n) ('X - (z i - b i)%:P),
      forall l, eigenvalue A l <-> exists i, l = z i - b i &
      forall m, (exists i, m = z i - b i) -> (forall i, m <= z i - b i) ->
        eigenvalue A m /\ (forall l, eigenvalue A l -> m <= l) /\ 0 < m].
Proof.
split; [exact: lemma_1_triangular | exact: lemma_1_invertible
  | exact: lemma_1_char_poly | exact: lemma_1_eigenvalues
  | exact: lemma_1_least_eigenvalue].
Qed.

End Lemma1.
