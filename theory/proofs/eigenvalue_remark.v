(** The paper's remark on Lemma 1 (claim C19): the least eigenvalue of A "can be
    used to give reasonable bounds" on the weights w = A^-1 y.

    It is right for the biases b_(j+1) = z_j: there every solution of A w = y has
    |w_j| <= 4 max|y| / min eigenvalue.  It fails in general: for z_i = i and
    b_i = i - 1/4 the least eigenvalue is 1/4 for every n, the labels 1, 0, ..., 0
    are at most 1, and yet the last weight is 64 (-3)^(n-3). *)

From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp.algebra_tactics Require Import ring.
From Rethinking Require Import network lemma_1 theorem_1.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Lemma hinge_matrix_times (R : realFieldType) n (b z : 'I_n -> R) (w : 'cV[R]_n) i :
  (hinge_matrix b z *m w) i 0 = \sum_j w j 0 * relu (z i - b j).
Proof. by rewrite mxE; apply: eq_bigr => j _; rewrite mxE mulrC. Qed.

Section Bounded.
Variables (R : realFieldType) (n : nat) (b z : 'I_n -> R).
Hypothesis bz : interleaved b z.
(** a knot at every data point *)
Hypothesis knots : forall i j : 'I_n, j = i.+1 :> nat -> b j = z i.

Theorem eigenvalue_bounds_weights (w y : 'cV[R]_n) (M lambda : R) :
  hinge_matrix b z *m w = y -> (forall i, `|y i 0| <= M) ->
  0 < lambda -> (forall l, eigenvalue (hinge_matrix b z) l -> lambda <= l) ->
  forall j, `|w j 0| <= 4%:R * M / lambda.
Proof.
case: n b z bz knots w y => [|m] b' z' bz' knots' w y Aw y_le lambda_gt0 least j.
  by case: j.
pose extend (f : 'I_m.+1 -> R) (j : nat) := if insub j is Some i then f i else 0.
have extendE f (i : 'I_m.+1) : extend f i = f i by rewrite /extend valK.
pose Z := extend z'; pose o := b' ord0; pose Y := extend (fun i => y i 0).
have biasE (i : 'I_m.+1) : before o Z i = b' i.
  case: i => [[|i] lt_i] /=; first by congr b'; apply: val_inj.
  by rewrite -[Z i]/(Z (Ordinal (ltnW lt_i))) [LHS]extendE -(knots' _ (Ordinal lt_i)).
have increasing i : (i < m.+1)%N -> before o Z i < Z i.
  move=> lt_i; rewrite -[i]/(Ordinal lt_i : nat) biasE [ltRHS]extendE.
  exact: bz'.1.
pose v := \col_(i < m.+1) weight o 0 Z Y i.
have Av : hinge_matrix b' z' *m v = y.
  apply/colP => i; rewrite hinge_matrix_times -[y i 0](extendE (fun i => y i 0)).
  rewrite -[RHS]subr0 -(hinges_reach_labels 0 Y increasing (ltn_ord i)).
  by apply: eq_bigr => k _; rewrite mxE biasE -extendE.
have -> : w = v by apply: (can_inj (mulKmx (lemma_1_invertible bz'))); rewrite Aw Av.
rewrite mxE; apply: (weights_bounded increasing (ltn_ord j) lambda_gt0) => [|i lt_i|i lt_i].
- by rewrite normr0; apply: le_trans (y_le j); rewrite normr_ge0.
- by rewrite -[i]/(Ordinal lt_i : nat) [Y _]extendE.
rewrite -[i]/(Ordinal lt_i : nat) biasE [Z _]extendE.
by apply: least; apply/lemma_1_eigenvalues => //; exists (Ordinal lt_i).
Qed.

End Bounded.

Section Unbounded.
Variables (R : realFieldType) (m : nat).
Let n := m.+3.

(** z_i = i, b_i = i - 1/4 *)
Definition integers : 'I_n -> R := fun i => i.+1%:R.
Definition quarter_before : 'I_n -> R := fun i => i.+1%:R - 4%:R^-1.
(** 1, 0, ..., 0 *)
Definition first_only : 'cV[R]_n := \col_i (i == 0%N :> nat)%:R.

Let quarter_gt0 : 0 < 4%:R^-1 :> R.
Proof. by rewrite invr_gt0 ltr0n. Qed.

Lemma quarter_interleaved : interleaved quarter_before integers.
Proof.
split=> [i|i j ij]; rewrite /quarter_before /integers; first by rewrite gtr_addl oppr_lt0.
rewrite ij ler_subr_addr [in leRHS]mulrSr ler_add2l.
by rewrite invf_le1 ?ltr0n // ler1n.
Qed.

Theorem least_eigenvalue_is_quarter l :
  eigenvalue (hinge_matrix quarter_before integers) l <-> l = 4%:R^-1.
Proof.
rewrite lemma_1_eigenvalues; last exact: quarter_interleaved.
have difference i : integers i - quarter_before i = 4%:R^-1 by rewrite opprB addrC subrK.
by split=> [[i ->]|->]; [|exists ord0]; rewrite difference.
Qed.

Let w (j : nat) : R :=
  match j with 0 => 4%:R | 1 => - 20%:R | k.+2 => 64%:R * (- 3%:R) ^+ k end.

Let sum_w j : \sum_(i < j.+2) w i = - 16%:R * (- 3%:R) ^+ j.
Proof.
elim: j => [|j IHj]; first by rewrite !big_ord_recl big_ord0 /=; ring.
by rewrite big_ord_recr IHj /= exprS; ring.
Qed.

Let solves i : \sum_(j < i.+1) w j * (i.+1%:R - (j.+1%:R - 4%:R^-1)) = (i == 0%N)%:R.
Proof.
elim: i => [|i IHi]; first by rewrite big_ord1 /=; field.
rewrite big_ord_recr /=.
have -> : \sum_(j < i.+1) w j * (i.+2%:R - (j.+1%:R - 4%:R^-1))
  = (i == 0%N)%:R + \sum_(j < i.+1) w j.
  by rewrite -IHi -big_split /=; apply: eq_bigr => j _; ring.
case: i {IHi} => [|i] /=; first by rewrite big_ord1 /=; field.
by rewrite sum_w; field.
Qed.

Theorem weights_unbounded (v : 'cV[R]_n) :
  hinge_matrix quarter_before integers *m v = first_only ->
  v ord_max 0 = 64%:R * (- 3%:R) ^+ m.
Proof.
have -> : first_only = hinge_matrix quarter_before integers *m \col_i w i.
  apply/colP => i; rewrite mxE hinge_matrix_times -solves.
  rewrite (big_ord_widen n (fun j => w j * (i.+1%:R - (j.+1%:R - 4%:R^-1))) (ltn_ord i)).
  rewrite big_mkcond /=; apply: eq_bigr => j _; rewrite mxE /quarter_before /integers.
  case: ifP => [le_ji|/negbT].
    rewrite relu_pos // subr_ge0 ler_subl_addr (le_trans (_ : _ <= i.+1%:R)) ?ler_nat //.
    by rewrite ler_addl ltW.
  rewrite -leqNgt => lt_ij; rewrite relu_neg ?mulr0 // subr_le0.
  exact: (interleaved_after quarter_interleaved lt_ij).
by move=> /(can_inj (mulKmx (lemma_1_invertible quarter_interleaved))) ->; rewrite mxE.
Qed.

End Unbounded.

(** In an archimedean field, the reals say, they exceed every bound. *)
Theorem weights_exceed_every_bound (R : archiFieldType) (C : R) :
  exists m, forall v : 'cV[R]_m.+3,
    hinge_matrix (@quarter_before R m) (@integers R m) *m v = first_only R m ->
    C < `|v ord_max 0|.
Proof.
exists (Num.bound `|C|) => v /weights_unbounded ->.
rewrite normrM normrX normrN !normr_nat -natrX -natrM.
apply: le_lt_trans (ler_norm C) _; apply: lt_le_trans (archi_boundP (normr_ge0 C)) _.
rewrite ler_nat; apply: leq_trans (ltnW (ltn_expl _ (isT : 1 < 3)%N)) _.
by rewrite leq_pmull.
Qed.
