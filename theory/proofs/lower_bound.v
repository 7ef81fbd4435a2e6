(** Optimality of Theorem 1's width.  On n points of a line labels that alternate,
    +1, -1, +1, ..., need at least n - 2 hidden units, even in a network with an
    output bias and a linear term,
    f(x) = c + <v, x> + sum_j w_j max(<a_j, x> - b_j, 0).

    The proof looks at second differences.  Those of an affine function are 0,
    those of a hinge are at least 0, and they are positive only at points that
    the hinge's kink lies next to: at two neighbours at most.  Those of the
    labels alternate in sign.  So each of the n - 2 inner points has a unit whose
    weight has the right sign there, and no unit serves two points. *)

From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp.algebra_tactics Require Import ring.
From Rethinking Require Import network row_space.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section SecondDifference.
Variables (R : realFieldType) (t : nat -> R) (n : nat).
(** t_0 < t_1 < ... < t_(n-1) *)
Hypothesis increasing : forall i j, (i < j)%N -> (j < n)%N -> t i < t j.
Implicit Types f g : R -> R.

(** The second difference at t_(i+1), without its positive denominator *)
Definition second_difference f (i : nat) : R :=
  (f (t i.+2) - f (t i.+1)) * (t i.+1 - t i) - (f (t i.+1) - f (t i)) * (t i.+2 - t i.+1).

Let hinge (p q : R) (s : R) : R := relu (p * s - q).

Lemma second_difference_convex p q i : (i.+2 < n)%N ->
  0 <= second_difference (hinge p q) i /\
  (0 < second_difference (hinge p q) i -> (p * t i - q) * (p * t i.+2 - q) < 0).
Proof.
move=> lt_i; have h_gt0 : 0 < t i.+1 - t i by rewrite subr_gt0; apply: increasing => //; apply: ltnW.
have k_gt0 : 0 < t i.+2 - t i.+1 by rewrite subr_gt0; exact: increasing.
rewrite /second_difference /hinge.
move: (t i) (t i.+1) (t i.+2) h_gt0 k_gt0 => r s u h_gt0 k_gt0.
set A := p * r - q; set B := p * s - q; set C := p * u - q.
have h_ge0 := ltW h_gt0; have k_ge0 := ltW k_gt0.
have affine : B * ((s - r) + (u - s)) = A * (u - s) + C * (s - r).
  by rewrite /A /B /C; ring.
have regroup x y z : (z - y) * (s - r) - (y - x) * (u - s)
   = x * (u - s) + z * (s - r) - y * ((s - r) + (u - s)) by ring.
rewrite !regroup.
have sum_gt0 : 0 < (s - r) + (u - s) by rewrite addr_gt0.
have [A_ge0|A_lt0] := lerP 0 A.
all: have [C_ge0|C_lt0] := lerP 0 C.
- have B_ge0 : 0 <= B by rewrite -(pmulr_lge0 _ sum_gt0) affine addr_ge0 ?mulr_ge0.
  by rewrite !relu_pos // affine subrr ltxx.
- rewrite (relu_pos A_ge0) (relu_neg (ltW C_lt0)) mul0r addr0; split.
    rewrite subr_ge0; case: (lerP 0 B) => [B_ge0|B_lt0].
      by rewrite relu_pos // affine ger_addl mulr_le0_ge0 // ltW.
    by rewrite (relu_neg (ltW B_lt0)) mul0r mulr_ge0.
  case: (ltrgt0P A) A_ge0 => // [A_gt0 _ _|-> _]; first by rewrite nmulr_llt0.
  rewrite mul0r sub0r oppr_gt0 pmulr_llt0 // => B_lt0.
  by have := relu_ge0 B; rewrite leNgt B_lt0.
- rewrite (relu_neg (ltW A_lt0)) (relu_pos C_ge0) mul0r add0r; split.
    rewrite subr_ge0; case: (lerP 0 B) => [B_ge0|B_lt0].
      by rewrite relu_pos // affine ger_addr mulr_le0_ge0 // ltW.
    by rewrite (relu_neg (ltW B_lt0)) mul0r mulr_ge0.
  case: (ltrgt0P C) C_ge0 => // [C_gt0 _ _|-> _]; first by rewrite pmulr_llt0.
  rewrite mul0r sub0r oppr_gt0 pmulr_llt0 // => B_lt0.
  by have := relu_ge0 B; rewrite leNgt B_lt0.
- have B_lt0 : B < 0.
    rewrite -(pmulr_llt0 _ sum_gt0) affine.
    by rewrite -[ltRHS]addr0 ltr_add ?pmulr_llt0.
  rewrite (relu_neg (ltW A_lt0)) (relu_neg (ltW B_lt0)) (relu_neg (ltW C_lt0)).
  by rewrite !mul0r addr0 subrr ltxx.
Qed.

(** A line changes its sign once: one kink lies next to two neighbours at most. *)
Lemma one_kink p q i j : (i.+1 < j)%N -> (j.+2 < n)%N ->
  (p * t i - q) * (p * t i.+2 - q) < 0 -> (p * t j - q) * (p * t j.+2 - q) < 0 -> False.
Proof.
move=> lt_ij lt_j.
have lt_j' : (j < n)%N := ltnW (ltnW lt_j).
have lt1 : t i < t i.+2 by apply: increasing => //; apply: leq_ltn_trans lt_j'.
have le2 : t i.+2 <= t j.
  move: lt_ij; rewrite leq_eqVlt => /orP[/eqP <- //|lt_ij].
  by apply: ltW; apply: increasing.
have lt3 : t j < t j.+2 by apply: increasing.
have monotone a b c d (f := fun s => p * s - q) : a < b -> b <= c -> c < d ->
    f a * f b < 0 -> f c * f d < 0 -> False.
  move=> lt_ab le_bc lt_cd; rewrite /f.
  case: (lerP 0 p) => [p_ge0|/ltW p_le0].
    have mono x y : x <= y -> p * x - q <= p * y - q.
      by move=> le_xy; rewrite ler_add2r ler_wpmul2l.
    case: (lerP 0 (p * b - q)) => [b_ge0 _|b_lt0].
      have c_ge0 := le_trans b_ge0 (mono _ _ le_bc).
      have d_ge0 := le_trans c_ge0 (mono _ _ (ltW lt_cd)).
      by rewrite ltNge mulr_ge0.
    have a_lt0 := le_lt_trans (mono _ _ (ltW lt_ab)) b_lt0.
    by rewrite ltNge mulr_le0 ?ltW.
  have mono x y : x <= y -> p * y - q <= p * x - q.
    by move=> le_xy; rewrite ler_add2r ler_wnmul2l.
  case: (lerP 0 (p * b - q)) => [b_ge0|/ltW b_le0 _].
    have a_ge0 := le_trans b_ge0 (mono _ _ (ltW lt_ab)).
    by rewrite ltNge mulr_ge0.
  have c_le0 := le_trans (mono _ _ le_bc) b_le0.
  have d_le0 := le_trans (mono _ _ (ltW lt_cd)) c_le0.
  by rewrite ltNge mulr_le0.
exact: monotone lt1 le2 lt3.
Qed.

Lemma second_difference_alternates f :
  (forall i, (i < n)%N -> f (t i) = (-1) ^+ i) ->
  forall i, (i.+2 < n)%N -> 0 < (-1) ^+ i * second_difference f i.
Proof.
move=> alternating i lt_i.
have lt_i1 := ltnW lt_i; have lt_i0 := ltnW lt_i1.
rewrite /second_difference !alternating // !exprS.
have -> : (-1) ^+ i * ((-1 * (-1 * (-1) ^+ i) - -1 * (-1) ^+ i) * (t i.+1 - t i) -
   (-1 * (-1) ^+ i - (-1) ^+ i) * (t i.+2 - t i.+1))
  = ((-1) ^+ i * (-1) ^+ i) * (2%:R * (t i.+2 - t i)) by ring.
rewrite -expr2 sqrr_sign mul1r mulr_gt0 ?ltr0n // subr_gt0.
exact: increasing.
Qed.

(** m units on a line *)
Theorem units_on_a_line m (c v : R) (p q w : 'I_m -> R) :
  (forall i, (i < n)%N ->
    c + v * t i + \sum_j w j * relu (p j * t i - q j) = (-1) ^+ i) ->
  (n - 2 <= m)%N.
Proof.
move=> fits; pose f s := c + v * s + \sum_j w j * relu (p j * s - q j).
have decomposition i :
    second_difference f i = \sum_j w j * second_difference (hinge (p j) (q j)) i.
  have -> : second_difference f i = \sum_j (w j * (relu (p j * t i.+2 - q j) - relu (p j * t i.+1 - q j)) * (t i.+1 - t i)
     - w j * (relu (p j * t i.+1 - q j) - relu (p j * t i - q j)) * (t i.+2 - t i.+1)).
    rewrite sumrB -!mulr_suml.
    have split_sum (g h : 'I_m -> R) : \sum_j w j * (g j - h j) = (\sum_j w j * g j) - \sum_j w j * h j.
      by rewrite -sumrB; apply: eq_bigr => j _; rewrite mulrBr.
    by rewrite !split_sum /second_difference /f; ring.
  by apply: eq_bigr => j _; rewrite /second_difference /hinge; ring.
have serves (i : 'I_(n - 2)) : exists j, 0 < (-1) ^+ i * w j * second_difference (hinge (p j) (q j)) i.
  have lt_i : (i.+2 < n)%N by have := ltn_ord i; rewrite ltn_subRL.
  case: (boolP [exists j, 0 < (-1) ^+ i * w j * second_difference (hinge (p j) (q j)) i]).
    by move/existsP.
  rewrite negb_exists => /forallP none.
  have := @second_difference_alternates f fits i lt_i.
  rewrite decomposition mulr_sumr -oppr_lt0 -sumrN ltNge sumr_ge0 // => j _.
  by rewrite oppr_ge0 mulrA leNgt none.
have [unit unitP] := fin_all_exists serves.
suff unit_inj : injective unit by have := leq_card unit unit_inj; rewrite !card_ord.
have distinct (i k : 'I_(n - 2)) : (i < k)%N -> unit i <> unit k.
  move=> lt_ik eq_unit; have lt_k : (k.+2 < n)%N by have := ltn_ord k; rewrite ltn_subRL.
  have lt_i : (i.+2 < n)%N by apply: leq_ltn_trans lt_k; rewrite !ltnS ltnW.
  have := unitP k; rewrite -eq_unit; have := unitP i.
  set j := unit i; have [Di_ge0 kink_i] := second_difference_convex (p j) (q j) lt_i.
  have [Dk_ge0 kink_k] := second_difference_convex (p j) (q j) lt_k.
  move=> pos_i pos_k.
  have Di_gt0 : 0 < second_difference (hinge (p j) (q j)) i.
    by rewrite lt_neqAle Di_ge0 andbT; apply: contraTneq pos_i => <-; rewrite mulr0 ltxx.
  have Dk_gt0 : 0 < second_difference (hinge (p j) (q j)) k.
    by rewrite lt_neqAle Dk_ge0 andbT; apply: contraTneq pos_k => <-; rewrite mulr0 ltxx.
  move: lt_ik; rewrite leq_eqVlt => /orP[/eqP eq_ik|lt_ik].
    move: pos_i pos_k; rewrite (pmulr_lgt0 _ Di_gt0) (pmulr_lgt0 _ Dk_gt0) -eq_ik exprS.
    rewrite mulN1r mulNr oppr_gt0.
    by move=> pos_i /(lt_trans pos_i); rewrite ltxx.
  exact: (one_kink lt_ik lt_k (kink_i Di_gt0) (kink_k Dk_gt0)).
by move=> i k eq_unit; apply: val_inj; case: (ltngtP i k) => // /distinct; rewrite eq_unit.
Qed.

End SecondDifference.

(** The points of a line in R^d: x_i = x + t_i u *)
Theorem width_is_optimal (R : realFieldType) d n m (x u v : 'rV[R]_d) (t : nat -> R)
    (c : R) (a : 'I_m -> 'rV[R]_d) (b w : 'I_m -> R) :
  (forall i j, (i < j)%N -> (j < n)%N -> t i < t j) ->
  (forall i, (i < n)%N ->
     c + dot v (x + t i *: u) + \sum_j w j * relu (dot (a j) (x + t i *: u) - b j) = (-1) ^+ i) ->
  (n - 2 <= m)%N.
Proof.
move=> increasing fits.
apply: (units_on_a_line increasing (c := c + dot v x) (v := dot v u)
  (p := fun j => dot (a j) u) (q := fun j => b j - dot (a j) x) (w := w)) => i lt_i.
rewrite -(fits i lt_i) dotDr (dotC v (_ *: _)) dotZl (dotC u v).
congr (_ + _); first by ring.
apply: eq_bigr => j _; congr (_ * relu _).
by rewrite dotDr (dotC _ (_ *: _)) dotZl (dotC u); ring.
Qed.
