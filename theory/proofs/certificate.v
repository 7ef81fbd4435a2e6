(** A checker of certificates: a boolean function of a network of Theorem 1's
    form and a sample, in integers only, and the proof that it says true only if
    the network takes the label at every point of the sample, exactly.

    A fraction is an integer and a positive denominator.  Points and direction
    are integers over common denominators.  The sum of hinges is evaluated at all
    points in one sweep over points and biases in order, with running sums S of
    the weights w_j and T of the w_j b_j of the biases passed: it is S z - T.
    Sums are reduced by their greatest common divisor; reduction is checked, not
    trusted. *)

From Coq Require Import ZArith.
From mathcomp Require Import all_ssreflect all_algebra zify ssrZ.
From mathcomp.algebra_tactics Require Import ring.
From Rethinking Require Import network.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

(** ** The checker *)
Record fraction := Fraction { numerator : Z; denominator : positive }.

Definition reduce (q : fraction) : fraction :=
  let: Fraction n d := q in
  let g := Z.gcd n (Zpos d) in
  let n' := Z.div n g in
  match Z.div (Zpos d) g with
  | Zpos d' =>
    if Z.eqb (Z.mul n' g) n && Z.eqb (Z.mul (Zpos d') g) (Zpos d) then Fraction n' d' else q
  | _ => q
  end.

Definition add (p q : fraction) : fraction :=
  reduce (Fraction
    (Z.add (Z.mul (numerator p) (Zpos (denominator q))) (Z.mul (numerator q) (Zpos (denominator p))))
    (Pos.mul (denominator p) (denominator q))).

Definition mul (p q : fraction) : fraction :=
  reduce (Fraction (Z.mul (numerator p) (numerator q)) (Pos.mul (denominator p) (denominator q))).

Definition opp (q : fraction) : fraction := Fraction (Z.opp (numerator q)) (denominator q).

Definition less (p q : fraction) : bool :=
  Z.ltb (Z.mul (numerator p) (Zpos (denominator q))) (Z.mul (numerator q) (Zpos (denominator p))).

Definition less_eq (p q : fraction) : bool := ~~ less q p.

Definition same (p q : fraction) : bool :=
  Z.eqb (Z.mul (numerator p) (Zpos (denominator q))) (Z.mul (numerator q) (Zpos (denominator p))).

Definition zero : fraction := Fraction Z0 xH.

(** The direction in integers over a common denominator, and the hinges: bias
    and weight of each. *)
Record certificate := Certificate {
  direction : seq Z;
  direction_denominator : positive;
  hinges : seq (fraction * fraction)
}.

Fixpoint integer_dot (sum : Z) (a x : seq Z) : option Z :=
  match a, x with
  | [::], [::] => Some sum
  | a0 :: a', x0 :: x' => integer_dot (Z.add sum (Z.mul a0 x0)) a' x'
  | _, _ => None
  end.

(** Hinges whose bias lies below z are passed. *)
Fixpoint pass (z S T : fraction) (hs : seq (fraction * fraction)) :=
  match hs with
  | (b, w) :: hs' => if less b z then pass z (add S w) (add T (mul w b)) hs' else (S, T, hs)
  | [::] => (S, T, hs)
  end.

Fixpoint sweep (S T : fraction) (hs : seq (fraction * fraction)) (points : seq (fraction * fraction)) :=
  match points with
  | (z, y) :: points' =>
    let: (S', T', hs') := pass z S T hs in
    same (add (mul S' z) (opp T')) y && sweep S' T' hs' points'
  | [::] => true
  end.

Definition by_first (p q : fraction * fraction) : bool := less_eq p.1 q.1.

(** What is kept of the points read so far: projections and labels; None if
    a point has the wrong dimension. *)
Definition state := option (seq (fraction * fraction)).

Definition start : state := Some [::].

Definition absorb (c : certificate) (D : positive) (s : state) (point : seq Z * fraction) : state :=
  match s, integer_dot Z0 (direction c) point.1 with
  | Some read, Some z => Some ((Fraction z (Pos.mul (direction_denominator c) D), point.2) :: read)
  | _, _ => None
  end.

(** At most as many hinges as points, and every point's label is taken. *)
Definition finish (c : certificate) (s : state) : bool :=
  match s with
  | Some read =>
    (size (hinges c) <= size read)%N
    && sweep zero zero (sort by_first (hinges c)) (sort by_first read)
  | None => false
  end.

(** The sample: points in integers over a common denominator D, with labels *)
Definition check (c : certificate) (D : positive) (sample : seq (seq Z * fraction)) : bool :=
  finish c (foldl (absorb c D) start sample).

(** ** What its numbers mean *)
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Meaning.
Variable R : realFieldType.

Definition integer (n : Z) : R := (int_of_Z n)%:~R.

Definition value (q : fraction) : R := integer (numerator q) / integer (Zpos (denominator q)).

Variables (c : certificate) (D : positive).
Let d := size (direction c).
Let m := size (hinges c).

(** a, b, w, and the point x in R^d *)
Definition direction_of : 'rV[R]_d :=
  \row_k (integer (nth Z0 (direction c) k) / integer (Zpos (direction_denominator c))).
Definition biases_of : 'I_m -> R := fun j => value (nth (zero, zero) (hinges c) j).1.
Definition weights_of : 'I_m -> R := fun j => value (nth (zero, zero) (hinges c) j).2.
Definition point_of (x : seq Z) : 'rV[R]_d := \row_k (integer (nth Z0 x k) / integer (Zpos D)).

(** ** Soundness *)
Lemma integerD p q : integer (Z.add p q) = integer p + integer q.
Proof. by rewrite /integer -[Z.add p q]/(p + q) !rmorphD. Qed.

Lemma integerM p q : integer (Z.mul p q) = integer p * integer q.
Proof. by rewrite /integer -[Z.mul p q]/(p * q) !rmorphM. Qed.

Lemma integerN p : integer (Z.opp p) = - integer p.
Proof. by rewrite /integer -[Z.opp p]/(- p) !rmorphN. Qed.

Lemma integer_lt p q : (integer p < integer q) = Z.ltb p q.
Proof. rewrite /integer ltr_int; lia. Qed.

Lemma integer_eq p q : (integer p == integer q) = Z.eqb p q.
Proof. rewrite /integer eqr_int; lia. Qed.

Lemma integer_gt0 p : 0 < integer (Zpos p).
Proof. by rewrite /integer ltr0z; lia. Qed.

Let neq0 p : integer (Zpos p) != 0.
Proof. by rewrite gt_eqF // integer_gt0. Qed.

Lemma value_reduce q : value (reduce q) = value q.
Proof.
case: q => n e; rewrite /reduce; set g := Z.gcd _ _.
case: (Z.div (Zpos e) g) => // e'; case: ifP => // /andP[/Z.eqb_spec eq_n /Z.eqb_spec eq_e].
have n_g : integer n = integer (Z.div n g) * integer g by rewrite -integerM eq_n.
have e_g : integer (Zpos e) = integer (Zpos e') * integer g by rewrite -integerM eq_e.
have g_neq0 : integer g != 0.
  by apply: contraTneq (neq0 e) => g0; rewrite e_g g0 mulr0 eqxx.
by rewrite /value /= n_g e_g; field; rewrite g_neq0 neq0.
Qed.

Lemma value_add p q : value (add p q) = value p + value q.
Proof.
rewrite value_reduce /value /= integerD !integerM.
have -> : Zpos (denominator p * denominator q) = Z.mul (Zpos (denominator p)) (Zpos (denominator q)) by [].
by rewrite integerM; field; rewrite !neq0.
Qed.

Lemma value_mul p q : value (mul p q) = value p * value q.
Proof.
rewrite value_reduce /value /= integerM.
have -> : Zpos (denominator p * denominator q) = Z.mul (Zpos (denominator p)) (Zpos (denominator q)) by [].
by rewrite integerM; field; rewrite !neq0.
Qed.

Lemma value_opp q : value (opp q) = - value q.
Proof. by rewrite /value /= integerN mulNr. Qed.

Lemma value_less p q : less p q = (value p < value q).
Proof.
rewrite /less -integer_lt !integerM /value.
by rewrite ltr_pdivr_mulr ?integer_gt0 // mulrAC ltr_pdivl_mulr ?integer_gt0.
Qed.

Lemma value_less_eq p q : less_eq p q = (value p <= value q).
Proof. by rewrite /less_eq value_less leNgt. Qed.

Lemma value_same p q : same p q = (value p == value q).
Proof. by rewrite /same -integer_eq !integerM /value eqr_div ?neq0. Qed.

Lemma value_zero : value zero = 0.
Proof. by rewrite /value mul0r. Qed.

Definition fraction_eq_dec (p q : fraction) : {p = q} + {p <> q}.
Proof. by decide equality; [apply: Pos.eq_dec | apply: Z.eq_dec]. Defined.
Definition fraction_eqMixin := comparableMixin fraction_eq_dec.
Canonical fraction_eqType := EqType fraction fraction_eqMixin.

(** sum_j w_j max(z - b_j, 0) *)
Let hinge_sum (hs : seq (fraction * fraction)) (z : R) : R :=
  \sum_(h <- hs) value h.2 * relu (z - value h.1).

Let sorted_by_first hs := sorted by_first hs.

Lemma by_first_trans : transitive by_first.
Proof. by move=> q p r; rewrite /by_first !value_less_eq; exact: le_trans. Qed.

Lemma by_first_total : total by_first.
Proof. by move=> p q; rewrite /by_first !value_less_eq; exact: le_total. Qed.

Lemma pass_sound z S T hs :
  let: (S', T', hs') := pass z S T hs in
  exists passed, [/\ hs = passed ++ hs',
    forall u, value z <= u ->
      value S' * u - value T' = value S * u - value T + hinge_sum passed u &
    if hs' is h :: _ then value z <= value h.1 else true].
Proof.
elim: hs S T => [|[b w] hs IHhs] S T /=.
  by exists [::]; split=> // u _; rewrite /hinge_sum big_nil addr0.
rewrite value_less; case: ifP => [lt_bz|/negbT]; last first.
  by rewrite -leNgt => le_zb; exists [::]; split=> // u _; rewrite /hinge_sum big_nil addr0.
case: (pass _ _ _ _) (IHhs (add S w) (add T (mul w b))) => [[S' T'] hs'].
move=> [passed [-> sums above]]; exists ((b, w) :: passed); split=> // u le_zu.
rewrite sums // !value_add value_mul /hinge_sum big_cons /= relu_pos; first by ring.
by rewrite subr_ge0 ltW // (lt_le_trans lt_bz).
Qed.

Lemma sweep_sound S T hs points (f : R -> R) :
  sorted by_first hs -> sorted by_first points ->
  (forall p, p \in points -> f (value p.1) = value S * value p.1 - value T) ->
  sweep S T hs points ->
  forall p, p \in points -> f (value p.1) + hinge_sum hs (value p.1) = value p.2.
Proof.
elim: points S T hs f => [//|[z y] points IHpoints] S T hs f sorted_hs sorted_points f_line /=.
have := pass_sound z S T hs; case: (pass _ _ _ _) => [[S' T'] hs'].
move=> [passed [eq_hs line above]] /andP[]; rewrite value_same value_add value_mul value_opp.
move=> /eqP fits_z fits_points.
have hinge_cat u : hinge_sum hs u = hinge_sum passed u + hinge_sum hs' u.
  by rewrite eq_hs /hinge_sum big_cat.
have sorted_hs' : sorted by_first hs'.
  by move: sorted_hs; rewrite eq_hs => /cat_sorted2[].
have z_least p : p \in (z, y) :: points -> value z <= value p.1.
  rewrite inE => /orP[/eqP -> //|in_p].
  have := order_path_min by_first_trans sorted_points.
  by move/allP/(_ p in_p); rewrite /by_first value_less_eq.
have no_more : hinge_sum hs' (value z) = 0.
  rewrite /hinge_sum big_seq big1 // => h in_h; rewrite relu_neg ?mulr0 // subr_le0.
  case: hs' sorted_hs' above in_h {eq_hs hinge_cat fits_points} => // h0 hs' sorted_hs' le_z.
  rewrite inE => /orP[/eqP -> //|in_h]; apply: le_trans le_z _.
  have := order_path_min by_first_trans sorted_hs'.
  by move/allP/(_ h in_h); rewrite /by_first value_less_eq.
move=> p; rewrite inE => /orP[/eqP -> /=|in_p].
  rewrite hinge_cat no_more addr0 (f_line (z, y)) ?mem_head // -fits_z.
  by rewrite line.
rewrite hinge_cat addrA.
apply: (IHpoints S' T' hs' (fun u => f u + hinge_sum passed u)) => //.
  exact: path_sorted sorted_points.
move=> q in_q; have in_q' : q \in (z, y) :: points by rewrite inE in_q orbT.
by rewrite (f_line q in_q') line // z_least.
Qed.

Lemma hinge_sumE (hs : seq (fraction * fraction)) z :
  hinge_sum hs z = \sum_(j < size hs) value (nth (zero, zero) hs j).2
                     * relu (z - value (nth (zero, zero) hs j).1).
Proof. by rewrite /hinge_sum (big_nth (zero, zero)) big_mkord. Qed.

Lemma integer_dot_sound s (a x : seq Z) z : integer_dot s a x = Some z ->
  integer z = integer s + \sum_(k < size a) integer (nth Z0 a k) * integer (nth Z0 x k).
Proof.
elim: a x s => [|a0 a IHa] [|x0 x] s //=; first by move=> [->]; rewrite big_ord0 addr0.
by move=> /IHa ->; rewrite integerD integerM big_ord_recl /= addrA.
Qed.

Lemma projection x z : integer_dot Z0 (direction c) x = Some z ->
  dot direction_of (point_of x) = value (Fraction z (Pos.mul (direction_denominator c) D)).
Proof.
move=> /integer_dot_sound eq_z; rewrite /value /= eq_z /dot.
have -> : Zpos (direction_denominator c * D) = Z.mul (Zpos (direction_denominator c)) (Zpos D) by [].
rewrite integerM (_ : integer Z0 = 0) // add0r mulr_suml.
by apply: eq_bigr => k _; rewrite !mxE invfM mulrACA.
Qed.

Lemma absorb_sound s0 sample s : foldl (absorb c D) s0 sample = Some s ->
  (forall p, p \in sample ->
     exists2 z, (z, p.2) \in s & dot direction_of (point_of p.1) = value z) /\
  (exists2 r, s0 = Some r & size s = (size r + size sample)%N /\ {subset r <= s}).
Proof.
elim: sample s0 => [|[x y] sample IHsample] s0 /=.
  by move=> ->; split=> //; exists s => //; rewrite addn0; split=> // q.
move=> /IHsample[in_s [r]]; rewrite /absorb; case: s0 => // r0.
case eq_z: integer_dot => [z|] //= [<-] /= [size_s sub].
split; last first.
  exists r0; rewrite // size_s addSnnS; split=> // q in_q; apply: sub.
  by rewrite inE in_q orbT.
move=> p; rewrite inE => /orP[/eqP ->|]; last exact: in_s.
by exists (Fraction z (direction_denominator c * D)); [exact/sub/mem_head | exact: projection].
Qed.

Theorem check_sound (sample : seq (seq Z * fraction)) : check c D sample ->
  (size (hinges c) <= size sample)%N /\
  forall x y, (x, y) \in sample ->
    network direction_of biases_of weights_of (point_of x) = value y.
Proof.
rewrite /check /finish; case eq_s: (foldl _ _ _) => [s|] // /andP[few sweeps].
have [in_s [r [<-] [/= size_s _]]] := absorb_sound eq_s.
split=> [|x y /in_s[z in_z eq_z]]; first by rewrite -[size sample]add0n -size_s.
have line p : p \in sort by_first s -> 0 = value zero * value p.1 - value zero.
  by rewrite value_zero mul0r subrr.
have := @sweep_sound zero zero _ _ (fun _ => 0) (sort_sorted by_first_total _)
  (sort_sorted by_first_total _) line sweeps (z, y).
rewrite mem_sort => /(_ in_z) /= <-; rewrite add0r /network eq_z -hinge_sumE.
by apply: perm_big; rewrite perm_sym perm_sort.
Qed.

End Meaning.
