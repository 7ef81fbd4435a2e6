(** Corollary 1.  For every depth k >= 2 and any n distinct points of R^d with any
    labels there is a ReLU network of depth k, of width at most
    ceil(n/(k-1)) + 3 and with at most 2n + d + 2k - 2 weights, that takes the
    labels; for k = 2 it is Theorem 1's, of width n and 2n + d weights.

    The construction is the package's.  The sorted points are cut into k - 1
    blocks, one for each hidden layer.  A layer's hinges add what the interpolant
    rises across its block, and one more hinge makes the sum level behind it.
    Beside them each layer hands on the projection, p = max(z - o, 0), and the sum
    so far, s = max(S + q, 0), both kept non-negative so that their ReLU changes
    nothing. *)

From mathcomp Require Import all_ssreflect all_fingroup all_algebra zify.
From mathcomp.algebra_tactics Require Import ring.
From Rethinking Require Import network theorem_1.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** ** Deep networks *)
Section DeepNetwork.
Variable R : realFieldType.

(** A hidden layer's hinges: bias and weight of each *)
Definition layer := seq (R * R).

Definition hinges (l : layer) (z : R) : R := \sum_(h <- l) h.2 * relu (z - h.1).

(** From the second hidden layer on: p is the projection as it is carried, S the
    sum so far *)
Fixpoint later_layers (q : R) (layers : seq layer) (p S : R) : R :=
  if layers is l :: layers' then
    later_layers q layers' (relu p) (relu (S + q) - q + hinges l p)
  else S.

Definition deep_network d (a : 'rV[R]_d) (layers : seq layer) (o q : R) (x : 'rV[R]_d) : R :=
  let z := dot a x in
  if layers is l :: layers' then later_layers q layers' (relu (z - o)) (hinges l z) else 0.

(** hidden layers and the output layer *)
Definition depth (layers : seq layer) : nat := (size layers).+1.

(** the widest layer: its hinges, p except in the last, s except in the first *)
Definition width (layers : seq layer) : nat :=
  \max_(i < size layers) (size (nth [::] layers i) + (i.+1 < size layers) + (0 < i))%N.

(** the direction, a bias and a weight for each hinge, and o and q if they are used *)
Definition num_weights d (layers : seq layer) : nat :=
  (d + 2 * sumn (map size layers) + (if 2 < depth layers then 2 else 0))%N.

End DeepNetwork.

Definition ceil_div (n k : nat) : nat := ((n + k.-1) %/ k)%N.

(** ** Blocks *)
Section Blocks.
Variables (R : realFieldType) (n : nat) (o q : R) (Z Y : nat -> R).
Hypothesis increasing : forall j, (j < n)%N -> before o Z j < Z j.
Hypothesis q_ge0 : 0 <= q.
Hypothesis q_large : forall j, (j < n)%N -> 0 <= Y j + q.

Let Zs s j := Z (s + j)%N.
Let Ys s j := Y (s + j)%N.
Let W s := weight (before o Z s) (before 0 Y s) (Zs s) (Ys s).
Let S s := slope (before o Z s) (before 0 Y s) (Zs s) (Ys s).

(** The points s, ..., s + m - 1; biases less h *)
Definition block (h : R) (level : bool) (s m : nat) : layer R :=
  [seq (before o Z (s + j)%N - h, W s j) | j <- iota 0 m]
  ++ (if level && (0 < m)%N then [:: (Z (s + m.-1)%N - h, - S s m.-1)] else [::]).

Lemma size_block h level s m : size (block h level s m) = (m + (level && (0 < m)))%N.
Proof. by rewrite size_cat size_map size_iota; case: ifP. Qed.

Lemma before_shift c f s j : before (before c f s) (fun j => f (s + j)%N) j = before c f (s + j)%N :> R.
Proof. by case: j => [|j] /=; rewrite ?addn0 ?addnS. Qed.

Lemma hinges_block h level s m u : hinges (block h level s m) (u - h)
  = \sum_(j < m) W s j * relu (u - before o Z (s + j)%N)
    + (if level && (0 < m)%N then - S s m.-1 * relu (u - Z (s + m.-1)%N) else 0).
Proof.
have shift b : u - h - (b - h) = u - b by rewrite opprB addrA subrK.
rewrite /hinges big_cat big_map /= -[X in iota 0 X]subn0 big_mkord; congr (_ + _).
  by apply: eq_bigr => j _; rewrite shift.
by case: ifP => _; rewrite ?big_nil // big_seq1 shift.
Qed.

(** The sum after the points before e, at point i *)
Let T e i := if (i < e)%N then Y i else before 0 Y e.

Lemma block_rises h level s m i : (i < n)%N -> (s + m <= n)%N -> level || (i < s + m)%N ->
  hinges (block h level s m) (Z i - h) = T (s + m) i - T s i.
Proof.
move=> lt_in le_smn lev; rewrite hinges_block.
have lt_sj j : (j < m)%N -> (s + j < n)%N by move=> lt_j; rewrite (leq_trans _ le_smn) // ltn_add2l.
have shifted j : (j < m)%N -> before (before o Z s) (Zs s) j < Zs s j.
  by move=> lt_j; rewrite before_shift increasing // lt_sj.
case: (ltnP i s) => [lt_is|le_si].
  rewrite /T lt_is ltn_addr // subrr big1 => [|j _]; last first.
    by rewrite relu_neg ?mulr0 // subr_le0 (bias_above increasing) ?ltn_addr ?lt_sj.
  case: ifP => [/andP[_ m_gt0]|_]; last by rewrite addr0.
  rewrite relu_neg ?mulr0 ?addr0 // subr_le0 (knots_nondecreasing increasing) //.
    by rewrite ltnW // ltn_addr.
  by rewrite lt_sj // prednK.
rewrite /T (ltnNge i s) le_si /=; case: (ltnP i (s + m)) => [lt_ism|le_smi].
  have lt_j : (i - s < m)%N by rewrite ltn_subLR.
  have m_gt0 : (0 < m)%N by apply: leq_trans lt_j.
  have := hinges_reach_labels (before 0 Y s) (Ys s) shifted lt_j.
  rewrite /Zs /Ys subnKC // => <-.
  rewrite [X in _ + X](_ : _ = 0) ?addr0.
    by apply: eq_bigr => j _; rewrite before_shift.
  case: ifP => // _; rewrite relu_neg ?mulr0 // subr_le0 (knots_nondecreasing increasing) //.
    by rewrite -ltnS -addnS prednK.
  by rewrite lt_sj // prednK.
case: m le_smn lev lt_sj shifted le_smi => [|m] le_smn lev lt_sj shifted le_smi.
  by rewrite big_ord0 andbF addr0 addn0 subrr.
have level_ : level by move: lev; rewrite ltnNge le_smi orbF.
rewrite level_ /= addnS.
have last_before : Z (s + m)%N <= Z i.
  by apply: (knots_nondecreasing increasing); rewrite // ltnW // -addnS.
rewrite relu_pos ?subr_ge0 //.
have -> : \sum_(j < m.+1) W s j * relu (Z i - before o Z (s + j)%N)
  = \sum_(j < m.+1) W s j * (Zs s m - before (before o Z s) (Zs s) j)
    + (\sum_(j < m.+1) W s j) * (Z i - Z (s + m)%N).
  rewrite mulr_suml -big_split /=; apply: eq_bigr => j _.
  rewrite before_shift relu_pos; first by rewrite /Zs; ring.
  rewrite subr_ge0 (bias_below increasing) // (leq_trans _ le_smi) //.
  by rewrite leq_add2l ltnW.
by rewrite sum_of_weights (lines_reach_labels _ _ shifted (ltnSn m)) mulNr addrK.
Qed.

(** ** All layers *)
Variables (K c : nat).
Hypothesis K_gt0 : (0 < K)%N.
Hypothesis enough : (n <= K * c)%N.

Let ends l := minn (l * c) n.

Let size_ l := (ends l.+1 - ends l)%N.

Let le_ends l : (ends l <= ends l.+1)%N.
Proof. by rewrite /ends mulSn leq_min geq_minr andbT geq_min leq_addl. Qed.

Let ends_next l : (ends l + size_ l = ends l.+1)%N.
Proof. exact: subnKC. Qed.

Let size_le l : (size_ l <= c)%N.
Proof.
rewrite /size_ leq_subLR /ends mulSn addn_minl leq_min !geq_min.
by rewrite (addnC c) leqnn leq_addr orbT.
Qed.

Definition layer_ (l : nat) : layer R :=
  block (if l is 0 then 0 else o) (l.+1 < K)%N (ends l) (size_ l).

Definition deep_layers : seq (layer R) := map layer_ (iota 0 K).

Let o_before i : (i < n)%N -> o <= Z i.
Proof. exact: (bias_below increasing (leq0n i)). Qed.

Let ends_last : ends K = n.
Proof. by rewrite /ends (minn_idPr enough). Qed.

Lemma layer_rises l i : (l < K)%N -> (i < n)%N ->
  hinges (layer_ l) (Z i - (if l is 0 then 0 else o)) = T (ends l.+1) i - T (ends l) i.
Proof.
move=> lt_l lt_in; rewrite /layer_ block_rises ?ends_next ?geq_minr //.
case: (ltnP l.+1 K) => //= le_Kl; have -> : l.+1 = K by apply/eqP; rewrite eqn_leq lt_l.
by rewrite ends_last.
Qed.

Lemma later_layers_reach r l i : (l.+1 + r = K)%N -> (i < n)%N ->
  later_layers q (map layer_ (iota l.+1 r)) (Z i - o) (T (ends l.+1) i) = Y i.
Proof.
move=> + lt_in; elim: r l => [|r IHr] l eq_K /=.
  by rewrite -[l.+1]addn0 eq_K ends_last /T lt_in.
rewrite relu_pos ?subr_ge0 ?o_before // relu_pos.
  rewrite addrK -[Z i - o]/(Z i - (if l.+1 is 0 then 0 else o)) layer_rises //.
    by rewrite [T _ _ + _]addrC subrK; apply: IHr; rewrite addSnnS.
  by rewrite -eq_K addnS ltnS leq_addr.
rewrite /T; case: ifP => _; first exact: q_large.
case e_l : (ends l.+1) => [|e] /=; first by rewrite add0r.
by apply: q_large; rewrite -e_l geq_minr.
Qed.

Theorem deep_layers_reach d (a x : 'rV[R]_d) i : (i < n)%N -> dot a x = Z i ->
  deep_network a deep_layers o q x = Y i.
Proof.
move=> lt_in eq_z; rewrite /deep_network /deep_layers eq_z.
case: K K_gt0 layer_rises later_layers_reach => // k _ rises reach /=.
rewrite relu_pos ?subr_ge0 ?o_before //.
have := rises 0%N i isT lt_in; rewrite subr0 => ->.
have -> : T (ends 0) i = 0 by rewrite /T /ends mul0n min0n.
by rewrite subr0 reach.
Qed.

Lemma depth_deep_layers : depth deep_layers = K.+1.
Proof. by rewrite /depth size_map size_iota. Qed.

Theorem width_deep_layers : (width deep_layers <= c + (if 1 < K then 3 else 0))%N.
Proof.
rewrite /width size_map size_iota; apply/bigmax_leqP => i _.
rewrite (nth_map 0%N) ?size_iota // nth_iota // add0n size_block.
case: (ltnP 1 K) => [_|K_le1].
  rewrite -!addnA; apply: leq_add; first exact: size_le.
  by case: (i.+1 < K)%N; case: (0 < size_ i)%N; case: (0 < i)%N.
have -> : (i = 0%N :> nat) by apply/eqP; rewrite -leqn0 -ltnS (leq_trans (ltn_ord i)).
by rewrite ltnNge K_le1 /= !addn0 size_le.
Qed.

Theorem num_weights_deep_layers d :
  (num_weights d deep_layers <= 2 * n + d + (if 1 < K then 2 * K else 0))%N.
Proof.
rewrite /num_weights depth_deep_layers ltnS.
have hinges_le : (sumn (map size deep_layers) <= n + K.-1)%N.
  rewrite /deep_layers -map_comp sumnE big_map -[X in iota 0 X]subn0 big_mkord.
  rewrite (eq_bigr (fun l : 'I_K => size_ l + ((l.+1 < K) && (0 < size_ l)))%N); last first.
    by move=> l _; rewrite /= size_block.
  rewrite big_split /=; apply: leq_add.
    rewrite /size_ -[leqRHS]ends_last; apply: eq_leq.
    elim: K => [|k IHk]; first by rewrite big_ord0 /ends mul0n min0n.
    by rewrite big_ord_recr /= IHk subnKC // le_ends.
  case: K K_gt0 => // k _; rewrite big_ord_recr /= ltnn addn0.
  rewrite -[leqRHS]card_ord -sum1_card; apply: leq_sum => l _.
  by case: (_ && _).
by move: (sumn _) hinges_le K_gt0 => count; clear; case: ifP; lia.
Qed.

End Blocks.

Theorem corollary_1 (R : realFieldType) n d (x : 'I_n -> 'rV[R]_d) (y : 'I_n -> R) (k : nat) :
  injective x -> (2 <= k)%N ->
  exists (a : 'rV[R]_d) (layers : seq (layer R)) (o q : R),
    [/\ depth layers = k,
        (width layers <= ceil_div n k.-1 + (if 2 < k then 3 else 0))%N,
        (num_weights d layers <= 2 * n + d + (if 2 < k then 2 * k - 2 else 0))%N &
        forall i, deep_network a layers o q (x i) = y i].
Proof.
case: k => [|[|k]] // /separating_direction[a z_inj] _.
have [s sorted_z] := sorting_permutation z_inj.
pose extend (f : 'I_n -> R) (j : nat) := if insub j is Some i then f (s i) else 0.
have extendE f (i : 'I_n) : extend f i = f (s i) by rewrite /extend valK.
pose z := extend (fun i => dot a (x i)); pose o := z 0%N - 1.
have zE (i : 'I_n) : z i = dot a (x (s i)) by exact: extendE.
have increasing j : (j < n)%N -> before o z j < z j.
  case: j => [|j] lt_j; first by rewrite /= /o gtr_addl oppr_lt0 ltr01.
  pose i := Ordinal (ltnW lt_j); pose l := Ordinal lt_j.
  by rewrite -[z j.+1]/(z l) -[before _ _ _]/(z i) !zE sorted_z.
pose q := \sum_i `|y i|.
have q_ge0 : 0 <= q by apply: sumr_ge0 => i _; apply: normr_ge0.
have q_large j : (j < n)%N -> 0 <= extend y j + q.
  move=> lt_j; rewrite -[j]/(Ordinal lt_j : nat) extendE; set i := s _.
  rewrite /q (bigD1 i) //= addrA addr_ge0 ?sumr_ge0 //.
  by rewrite addrC -ler_subl_addr sub0r -normrN ler_norm.
pose K := k.+1; pose c := ceil_div n K.
have enough : (n <= K * c)%N.
  have := ltn_ceil (n + K.-1) (ltn0Sn k); rewrite /c /ceil_div mulSn [(_ * K)%N]mulnC.
  by move: (K * _)%N => cK; rewrite /K /=; lia.
exists a, (deep_layers n o z (extend y) K c), o, q; split.
- exact: depth_deep_layers.
- exact: (@width_deep_layers R n o z (extend y) K c).
- apply: (leq_trans (@num_weights_deep_layers R n o z (extend y) K c isT enough d)).
  by rewrite leq_add2l !ltnS; case: ifP => // _; rewrite mulnS addKn.
move=> i; rewrite -[i](permKV s) -(extendE y).
exact: (deep_layers_reach increasing q_ge0 q_large _ enough (ltn_ord _) (esym (zE _))).
Qed.
