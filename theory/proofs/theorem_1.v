(** Theorem 1.  For any n distinct points x_i of R^d and any labels y_i there
    are a in R^d and b, w in R^n, 2n + d numbers, such that the network
    c(x) = sum_j w_j max(<a, x> - b_j, 0) takes the value y_i at x_i for every i.

    The steps are the package's.  A direction from the moment curve
    (1, t, t^2, ...) separates the points, because two of them collide at the
    roots of a polynomial only, and those are finitely many.  The projections
    are sorted.  The biases are the projections themselves, one place later,
    behind a first bias somewhere before all of them.  The weights are
    differences of the slopes between consecutive labels, so the sum telescopes. *)

From mathcomp Require Import all_ssreflect all_fingroup all_algebra.
From mathcomp.algebra_tactics Require Import ring.
From Rethinking Require Import network lemma_1.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** ** The weights telescope *)
Section Telescope.
Variable R : realFieldType.

(** f one place later, with first value f0 *)
Definition before (f0 : R) (f : nat -> R) (j : nat) : R :=
  if j is i.+1 then f i else f0.

(** The slope of the line that ends in (z_j, y_j); the first starts in (o, y0) *)
Definition slope (o y0 : R) (z y : nat -> R) (j : nat) : R :=
  (y j - before y0 y j) / (z j - before o z j).

Definition weight (o y0 : R) (z y : nat -> R) (j : nat) : R :=
  slope o y0 z y j - before 0 (slope o y0 z y) j.

Variables (m : nat) (o y0 : R) (z y : nat -> R).
(** o < z_0 < z_1 < ... < z_(m-1) *)
Hypothesis increasing : forall j, (j < m)%N -> before o z j < z j.

Lemma sum_of_weights j :
  \sum_(i < j.+1) weight o y0 z y i = slope o y0 z y j.
Proof.
elim: j => [|j IHj]; first by rewrite big_ord1 /weight /= subr0.
by rewrite big_ord_recr IHj /weight /= addrC subrK.
Qed.

Lemma rise j : (j < m)%N ->
  slope o y0 z y j * (z j - before o z j) = y j - before y0 y j.
Proof. by move=> /increasing lt_j; rewrite divfK // subr_eq0 gt_eqF. Qed.

Lemma lines_reach_labels j : (j < m)%N ->
  \sum_(i < j.+1) weight o y0 z y i * (z j - before o z i) = y j - y0.
Proof.
elim: j => [|j IHj] lt_j.
  by rewrite big_ord1 -(rise lt_j) /weight /= subr0.
rewrite big_ord_recr /=.
have -> : \sum_(i < j.+1) weight o y0 z y i * (z j.+1 - before o z i) =
    \sum_(i < j.+1) weight o y0 z y i * (z j - before o z i)
    + (\sum_(i < j.+1) weight o y0 z y i) * (z j.+1 - z j).
  rewrite mulr_suml -big_split /=; apply: eq_bigr => i _; ring.
rewrite IHj ?(ltnW lt_j) // sum_of_weights -addrA -mulrDl.
have -> : slope o y0 z y j + weight o y0 z y j.+1 = slope o y0 z y j.+1.
  by rewrite /weight /= addrC subrK.
by rewrite (rise lt_j) /=; ring.
Qed.

Lemma knots_increase i j : (i < j)%N -> (j < m)%N -> z i < z j.
Proof.
elim: j => // j IHj; rewrite ltnS leq_eqVlt => /orP[/eqP ->|lt_ij] lt_j.
  exact: (increasing lt_j).
exact: lt_trans (IHj lt_ij (ltnW lt_j)) (increasing lt_j).
Qed.

Lemma knots_nondecreasing i j : (i <= j)%N -> (j < m)%N -> z i <= z j.
Proof.
rewrite leq_eqVlt => /orP[/eqP -> //|lt_ij] lt_j.
exact: ltW (knots_increase lt_ij lt_j).
Qed.

Lemma bias_below i j : (i <= j)%N -> (j < m)%N -> before o z i <= z j.
Proof.
move=> le_ij lt_j; apply: le_trans (knots_nondecreasing le_ij lt_j).
exact: ltW (increasing (leq_ltn_trans le_ij lt_j)).
Qed.

Lemma bias_above i j : (j < i)%N -> (i < m)%N -> z j <= before o z i.
Proof.
case: i => // i; rewrite ltnS => le_ji lt_i.
exact: knots_nondecreasing le_ji (ltnW lt_i).
Qed.

Theorem hinges_reach_labels j : (j < m)%N ->
  \sum_(i < m) weight o y0 z y i * relu (z j - before o z i) = y j - y0.
Proof.
move=> lt_j; rewrite -(lines_reach_labels lt_j).
rewrite (big_ord_widen _
  (fun i => weight o y0 z y i * (z j - before o z i)) lt_j) /=.
rewrite [RHS]big_mkcond /=; apply: eq_bigr => i _.
rewrite ltnS; case: leqP => [le_ij|lt_ji].
  by rewrite relu_pos // subr_ge0 bias_below.
by rewrite relu_neg ?mulr0 // subr_le0 bias_above.
Qed.

(** |w_j| <= 4 M / g if the labels are at most M and the gaps at least g *)
Theorem weights_bounded (M g : R) j : (j < m)%N -> 0 < g ->
  `|y0| <= M -> (forall i, (i < m)%N -> `|y i| <= M) ->
  (forall i, (i < m)%N -> g <= z i - before o z i) ->
  `|weight o y0 z y j| <= 4%:R * M / g.
Proof.
move=> lt_j g_gt0 y0_le y_le gap.
have M_ge0 : 0 <= M by apply: le_trans y0_le.
have slope_le i : (i < m)%N -> `|slope o y0 z y i| <= 2%:R * M / g.
  move=> lt_i; have gap_gt0 : 0 < z i - before o z i by rewrite subr_gt0 increasing.
  rewrite /slope normrM normfV (gtr0_norm gap_gt0) ler_pdivr_mulr //.
  have le_M : `|before y0 y i| <= M by case: i lt_i {gap_gt0} => //= i /ltnW; exact: y_le.
  apply: le_trans (ler_norm_sub _ _) _.
  apply: le_trans (ler_add (y_le i lt_i) le_M) _.
  have -> : M + M = 2%:R * M * 1 by ring.
  rewrite -[leRHS]mulrA; apply: ler_wpmul2l; first by rewrite mulr_ge0 ?ler0n.
  by rewrite ler_pdivl_mull ?mulr1 // gap.
rewrite /weight; apply: le_trans (ler_norm_sub _ _) _.
have -> : 4%:R * M / g = 2%:R * M / g + 2%:R * M / g by rewrite -mulrDl -mulrDl -natrD.
apply: ler_add; first exact: slope_le.
case: j lt_j => [|j] lt_j /=; last exact: slope_le (ltnW lt_j).
by rewrite normr0 !mulr_ge0 ?ler0n // invr_ge0 ltW.
Qed.

End Telescope.

(** ** Some direction separates the points *)
Section Separate.
Variables (R : realFieldType) (n d : nat) (x : 'I_n -> 'rV[R]_d).

Lemma nonroot (p : {poly R}) : p != 0 -> exists t, p.[t] != 0.
Proof.
move=> p_neq0; pose ts := [seq i%:R : R | i <- iota 0 (size p)].
case: (boolP (all (root p) ts)) => [roots|/allPn[t _ nonroot_t]]; last by exists t.
have ts_uniq : uniq ts.
  by rewrite map_inj_uniq ?iota_uniq // => i j /eqP; rewrite eqr_nat => /eqP.
by have := max_poly_roots p_neq0 roots ts_uniq; rewrite size_map size_iota ltnn.
Qed.

Theorem separating_direction : injective x ->
  exists a : 'rV[R]_d, injective (fun i => dot a (x i)).
Proof.
move=> x_inj; pose p i j : {poly R} := rVpoly (x i - x j).
have p_neq0 i j : i != j -> p i j != 0.
  apply: contraNneq => /(canRL rVpolyK); rewrite /p linear0 => /eqP.
  by rewrite subr_eq0 => /eqP /x_inj ->.
pose P := \prod_(ij : 'I_n * 'I_n | ij.1 != ij.2) p ij.1 ij.2.
have [t] : exists t, P.[t] != 0.
  by apply: nonroot; apply/prodf_neq0 => -[i j] /= /p_neq0.
rewrite horner_prod => /prodf_neq0 apart.
exists (\row_k t ^+ k) => i j /= eq_z; apply/eqP; apply/negPn/negP => neq_ij.
have /negP[] := apart (i, j) neq_ij; rewrite /= /p horner_poly.
have -> : \sum_(k < d) (if insub (k : nat) is Some k' then (x i - x j) 0 k' else 0) * t ^+ k
    = dot (\row_k t ^+ k) (x i) - dot (\row_k t ^+ k) (x j); last by rewrite eq_z subrr.
rewrite /dot -sumrB; apply: eq_bigr => k _.
by rewrite valK !mxE mulrBl !(mulrC _ (t ^+ k)).
Qed.

End Separate.

(** ** Sorting *)
Lemma sorting_permutation (R : realFieldType) n (z : 'I_n -> R) : injective z ->
  exists s : 'S_n, forall i j : 'I_n, (i < j)%N -> z (s i) < z (s j).
Proof.
move=> z_inj; pose t := [tuple z i | i < n].
have /tuple_permP[s eq_s] : perm_eq (sort <=%R t) t by rewrite perm_sort.
exists s => i j lt_ij.
have sorted_t : sorted <%R (sort <=%R t).
  rewrite sort_lt_sorted; apply/tuple_uniqP => k l.
  by rewrite !tnth_mktuple => /z_inj.
have size_t : size (sort <=%R t) = n by rewrite size_sort size_tuple.
have nth_t k : nth 0 (sort <=%R t) (k : 'I_n) = z (s k).
  rewrite eq_s -tnth_nth.
  by rewrite !tnth_mktuple.
rewrite -!nth_t; apply: (sorted_ltn_nth lt_trans 0 sorted_t) => //;
  by rewrite inE size_t.
Qed.

(** ** The theorem *)
Section Theorem1.
Variables (R : realFieldType) (n d : nat) (x : 'I_n -> 'rV[R]_d) (y : 'I_n -> R).

(** The package's network: a direction a that separates the points, the order s
    of their projections, the first bias at a distance e before all of them, the
    others at the projections themselves. *)
Definition knots_at_points (a : 'rV[R]_d) (e : R) (s : 'S_n) (b : 'I_n -> R) : Prop :=
  (forall i j : 'I_n, (i < j)%N -> dot a (x (s i)) < dot a (x (s j))) /\
  (forall i : 'I_n, i = 0%N :> nat -> b i = dot a (x (s i)) - e) /\
  (forall i j : 'I_n, j = i.+1 :> nat -> b j = dot a (x (s i))).

Theorem theorem_1_construction (a : 'rV[R]_d) (e : R) :
  injective (fun i => dot a (x i)) -> 0 < e ->
  exists (s : 'S_n) (b w : 'I_n -> R),
    [/\ knots_at_points a e s b,
        forall i, network a b w (x i) = y i &
        forall M g, 0 < g <= e -> (forall i, `|y i| <= M) ->
          (forall i j, i != j -> g <= `|dot a (x i) - dot a (x j)|) ->
          forall j, `|w j| <= 4%:R * M / g].
Proof.
move=> z_inj e_gt0; have [s sorted_z] := sorting_permutation z_inj.
pose extend (f : 'I_n -> R) (j : nat) := if insub j is Some i then f (s i) else 0.
have extendE f (i : 'I_n) : extend f i = f (s i) by rewrite /extend valK.
pose z := extend (fun i => dot a (x i)); pose o := z 0%N - e.
have zE (i : 'I_n) : z i = dot a (x (s i)) by exact: extendE.
have increasing j : (j < n)%N -> before o z j < z j.
  case: j => [|j] lt_j; first by rewrite /= /o gtr_addl oppr_lt0.
  pose i := Ordinal (ltnW lt_j); pose k := Ordinal lt_j.
  by rewrite -[z j.+1]/(z k) -[before _ _ _]/(z i) !zE sorted_z.
exists s, (fun j => before o z j), (fun j => weight o 0 z (extend y) j); split.
- split; first exact: sorted_z.
  by split=> [i i0|i j ->] /=; rewrite -zE ?i0.
- move=> i; rewrite -[i](permKV s); set j := (s^-1)%g i.
  rewrite -(extendE y) -[RHS]subr0 -(hinges_reach_labels 0 (extend y) increasing (ltn_ord j)).
  by apply: eq_bigr => k _; rewrite zE.
- move=> M g /andP[g_gt0 le_ge] y_le gap j.
  apply: (weights_bounded increasing (ltn_ord j) g_gt0) => [|i lt_i|i lt_i].
  + by rewrite normr0; apply: le_trans (y_le j); rewrite normr_ge0.
  + by rewrite -[i]/(Ordinal lt_i : nat) extendE.
  case: i lt_i => [|i] lt_i; first by rewrite /= /o opprB addrC subrK.
  have := increasing _ lt_i; rewrite -subr_gt0 => /gtr0_norm <-.
  rewrite -[z i.+1]/(z (Ordinal lt_i)) -[before _ _ _]/(z (Ordinal (ltnW lt_i))).
  by rewrite !zE gap // (inj_eq perm_inj) -val_eqE /= gtn_eqF.
Qed.

Theorem theorem_1 : injective x ->
  exists (a : 'rV[R]_d) (b w : 'I_n -> R), forall i, network a b w (x i) = y i.
Proof.
move=> /separating_direction[a z_inj].
have [s [b [w [_ fits _]]]] := theorem_1_construction z_inj ltr01.
by exists a, b, w.
Qed.

(** The biases interleave with the sorted projections, as Lemma 1 asks. *)
Theorem theorem_1_interleaved a e s b : 0 < e -> knots_at_points a e s b ->
  interleaved b (fun i => dot a (x (s i))).
Proof.
move=> e_gt0 [sorted_z [first later]]; split=> [[[|i] lt_i]|i j /later -> //].
  by rewrite first // gtr_addl oppr_lt0.
by rewrite (later (Ordinal (ltnW lt_i))) // sorted_z.
Qed.

End Theorem1.
