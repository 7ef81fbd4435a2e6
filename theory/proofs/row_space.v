(** Section 5.  Least squares with the data as rows of X (n points of R^d).

    Stochastic gradient descent from 0 never leaves the row space of X, whatever
    the order of the points, the step sizes and the loss.  An interpolant in the
    row space is the only one there and the only one of least norm among all
    interpolants.  With w = X^T alpha, interpolation is K alpha = y, K = X X^T;
    if X has rank n there is exactly one such alpha.  Where SGD converges to an
    interpolant, its limit is the one of least norm. *)

From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp.algebra_tactics Require Import ring.
From Rethinking Require Import network.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section InnerProduct.
Variables (R : realFieldType) (d : nat).
Implicit Types u v w : 'rV[R]_d.

(** ||u||^2 *)
Definition norm_squared u : R := dot u u.

Lemma dotC u v : dot u v = dot v u.
Proof. by apply: eq_bigr => k _; rewrite mulrC. Qed.

Lemma dotDl u v w : dot (u + v) w = dot u w + dot v w.
Proof. by rewrite -big_split; apply: eq_bigr => k _; rewrite mxE mulrDl. Qed.

Lemma dotZl c u v : dot (c *: u) v = c * dot u v.
Proof. by rewrite /dot mulr_sumr; apply: eq_bigr => k _; rewrite mxE mulrA. Qed.

Lemma dotDr u v w : dot w (u + v) = dot w u + dot w v.
Proof. by rewrite dotC dotDl !(dotC w). Qed.

Lemma dotBl u v w : dot (u - v) w = dot u w - dot v w.
Proof. by rewrite dotDl -scaleN1r dotZl mulN1r. Qed.

Lemma dot0l u : dot 0 u = 0.
Proof. by rewrite -(scale0r u) dotZl mul0r. Qed.

Lemma dot_mx u v : (u *m v^T) 0 0 = dot u v.
Proof. by rewrite mxE; apply: eq_bigr => k _; rewrite mxE. Qed.

Lemma norm_squared_ge0 u : 0 <= norm_squared u.
Proof. by apply: sumr_ge0 => k _; rewrite -expr2 sqr_ge0. Qed.

Lemma norm_squared_eq0 u : (norm_squared u == 0) = (u == 0).
Proof.
apply/idP/eqP => [|->]; last by rewrite /norm_squared dot0l.
rewrite psumr_eq0 => [/allP zero|k _]; last by rewrite -expr2 sqr_ge0.
apply/rowP => k; rewrite mxE.
by have := zero k (mem_index_enum _); rewrite /= mulf_eq0 orbb => /eqP.
Qed.

Lemma norm_squaredD u v :
  norm_squared (u + v) = norm_squared u + 2%:R * dot u v + norm_squared v.
Proof. by rewrite /norm_squared dotDl !dotDr (dotC v u); ring. Qed.

End InnerProduct.

Section RowSpace.
Variables (R : realFieldType) (n d : nat) (X : 'M[R]_(n, d)) (y : 'I_n -> R).

(** Xw = y *)
Definition interpolates (w : 'rV[R]_d) : Prop := forall i, dot w (row i X) = y i.

(** One step with point i, step size eta, and e the derivative of the loss in
    the prediction: w - eta e(<w, x_i>) x_i.  For least squares e is
    <w, x_i> - y_i. *)
Definition step (e : 'I_n -> R -> R) (i : 'I_n) (eta : R) (w : 'rV[R]_d) :=
  w - (eta * e i (dot w (row i X))) *: row i X.

Fixpoint sgd (e : 'I_n -> R -> R) (order : nat -> 'I_n) (eta : nat -> R) (t : nat) :=
  if t is s.+1 then step e (order s) (eta s) (sgd e order eta s) else 0.

Theorem sgd_in_row_space e order eta t : (sgd e order eta t <= X)%MS.
Proof.
elim: t => [|t IHt] /=; first exact: sub0mx.
by rewrite addmx_sub // eqmx_opp scalemx_sub // row_sub.
Qed.

(** w = X^T alpha *)
Theorem row_space_combination (w : 'rV[R]_d) :
  (w <= X)%MS <-> exists alpha : 'rV[R]_n, w = alpha *m X.
Proof. by split=> [/submxP|] [alpha ->]; [exists alpha | exact: submxMl]. Qed.

Lemma dot_combination (alpha : 'rV[R]_n) v :
  dot (alpha *m X) v = \sum_i alpha 0 i * dot v (row i X).
Proof.
rewrite -dot_mx -mulmxA mxE; apply: eq_bigr => i _; congr (_ * _).
by rewrite mxE dotC; apply: eq_bigr => k _; rewrite !mxE.
Qed.

(** The least-norm property needs only that w is orthogonal to the differences
    of interpolants. *)
Lemma least_norm (w v : 'rV[R]_d) : dot w (v - w) = 0 ->
  norm_squared w <= norm_squared v /\ (norm_squared v = norm_squared w -> v = w).
Proof.
move=> orthogonal.
have -> : norm_squared v = norm_squared w + norm_squared (v - w).
  by rewrite -[in LHS](subrK w v) addrC norm_squaredD orthogonal mulr0 addr0.
split; first by rewrite ler_addl norm_squared_ge0.
move=> /eqP; rewrite -subr_eq0 addrAC subrr add0r norm_squared_eq0 subr_eq0.
by move/eqP.
Qed.

Lemma interpolants_differ_in_kernel w v : interpolates w -> interpolates v ->
  forall i, dot (v - w) (row i X) = 0.
Proof. by move=> fits_w fits_v i; rewrite dotBl fits_w fits_v subrr. Qed.

Theorem row_space_least_norm w : (w <= X)%MS -> interpolates w ->
  forall v, interpolates v ->
    norm_squared w <= norm_squared v /\ (norm_squared v = norm_squared w -> v = w).
Proof.
move=> /submxP[alpha ->] fits v fits_v; apply: least_norm.
rewrite dot_combination big1 // => i _.
by rewrite interpolants_differ_in_kernel // mulr0.
Qed.

Theorem row_space_unique w v : (w <= X)%MS -> interpolates w ->
  (v <= X)%MS -> interpolates v -> v = w.
Proof.
move=> in_w fits_w in_v fits_v.
have [le_wv unique] := row_space_least_norm in_w fits_w fits_v.
have [le_vw _] := row_space_least_norm in_v fits_v fits_w.
by apply: unique; apply: le_anti; rewrite le_vw.
Qed.

(** K alpha = y *)
Definition kernel_matrix : 'M[R]_n := X *m X^T.

Theorem kernel_equation (alpha : 'rV[R]_n) :
  interpolates (alpha *m X) <-> kernel_matrix *m alpha^T = \col_i y i.
Proof.
have predictions i : dot (alpha *m X) (row i X) = (kernel_matrix *m alpha^T) i 0.
  rewrite dot_combination mxE; apply: eq_bigr => j _; rewrite [RHS]mulrC mxE.
  congr (_ * _); rewrite mxE dotC.
  by apply: eq_bigr => k _; rewrite !mxE mulrC.
split=> [fits|eq_y i]; last by rewrite predictions eq_y mxE.
by apply/colP => i; rewrite -predictions fits mxE.
Qed.

Theorem kernel_matrix_invertible : row_free X -> kernel_matrix \in unitmx.
Proof.
move=> free; rewrite -row_free_unit -kermx_eq0.
apply/rowV0P => u /sub_kermxP; rewrite mulmxA => uXX.
have /eqP : dot (u *m X) (u *m X) = 0.
  by rewrite -dot_mx trmx_mul mulmxA uXX mul0mx mxE.
rewrite norm_squared_eq0 => /eqP uX.
by apply/eqP; rewrite -(mulmx_free_eq0 u free) uX.
Qed.

Theorem minimum_norm_interpolant : row_free X ->
  exists! alpha : 'rV[R]_n, interpolates (alpha *m X).
Proof.
move=> /kernel_matrix_invertible unit_K.
exists (invmx kernel_matrix *m \col_i y i)^T; split.
  by apply/kernel_equation; rewrite trmxK mulKVmx.
by move=> alpha /kernel_equation <-; rewrite mulKmx // trmxK.
Qed.

(** w_t tends to w, coordinate by coordinate *)
Definition tends_to (w_ : nat -> 'rV[R]_d) (w : 'rV[R]_d) : Prop :=
  forall eps, 0 < eps -> exists T, forall t, (T <= t)%N ->
    forall k, `|w_ t 0 k - w 0 k| <= eps.

Theorem sgd_limit e order eta w :
  tends_to (sgd e order eta) w -> interpolates w ->
  forall v, interpolates v ->
    norm_squared w <= norm_squared v /\ (norm_squared v = norm_squared w -> v = w).
Proof.
move=> limit fits v fits_v; apply: least_norm.
set u := v - w; pose S := \sum_k `|u 0 k|.
have kernel : forall i, dot u (row i X) = 0 by exact: interpolants_differ_in_kernel.
have iterate t : dot (sgd e order eta t) u = 0.
  have /submxP[alpha ->] := sgd_in_row_space e order eta t.
  by rewrite dot_combination big1 // => i _; rewrite kernel mulr0.
have S_ge0 : 0 <= S by apply: sumr_ge0 => k _; apply: normr_ge0.
have small eps : 0 < eps -> `|dot w u| <= eps * S.
  move=> /limit[T /(_ T (leqnn T)) close].
  have -> : dot w u = - dot (sgd e order eta T - w) u by rewrite dotBl iterate sub0r opprK.
  rewrite normrN /S mulr_sumr; apply: le_trans (ler_norm_sum _ _ _) _.
  apply: ler_sum => k _; rewrite normrM !mxE.
  by apply: ler_wpmul2r; [exact: normr_ge0 | exact: close].
apply/eqP; rewrite -normr_le0 leNgt; apply/negP => positive.
have pos : 0 < `|dot w u| / (S + S + 1) by rewrite divr_gt0 // ltr_paddl ?addr_ge0.
have := small _ pos; rewrite mulrAC ler_pdivl_mulr ?ltr_paddl ?addr_ge0 //.
rewrite ler_pmul2l // => le_S; have := ltr_paddl (addr_ge0 S_ge0 S_ge0) (@ltr01 R).
have : S + S + 1 <= S by [].
by rewrite -addrA ger_addl => /(lt_le_trans (ltr_paddl S_ge0 ltr01)); rewrite ltxx.
Qed.

(** With K alpha = y, w = X^T alpha interpolates, no interpolant has a smaller norm
    and no other the same, and w is the only interpolant that SGD from 0 can tend
    to. *)
Theorem kernel_linear (alpha : 'rV[R]_n) : kernel_matrix *m alpha^T = \col_i y i ->
  [/\ interpolates (alpha *m X),
      forall v, interpolates v -> norm_squared (alpha *m X) <= norm_squared v /\
        (norm_squared v = norm_squared (alpha *m X) -> v = alpha *m X) &
      forall e order eta v, tends_to (sgd e order eta) v -> interpolates v -> v = alpha *m X].
Proof.
move=> /kernel_equation fits; have least := row_space_least_norm (submxMl alpha X) fits.
split=> // e order eta v limit fits_v; have [le_w unique] := least v fits_v.
have [le_v _] := sgd_limit limit fits_v fits.
by apply: unique; apply: le_anti; rewrite le_v.
Qed.

End RowSpace.

(** ** The curvature of least squares is the same everywhere (claim C24) *)
Section Curvature.
Variables (R : realFieldType) (n d : nat) (X : 'M[R]_(n, d)) (y : 'I_n -> R).

(** (1/2n) ||Xw - y||^2 *)
Definition squared_loss (w : 'rV[R]_d) : R :=
  (2%:R * n%:R)^-1 * \sum_i (dot w (row i X) - y i) ^+ 2.

(** (1/n) X^T X *)
Definition hessian : 'M[R]_d := n%:R^-1 *: (X^T *m X).

(** (1/n) sum_i (<w, x_i> - y_i) x_i *)
Definition gradient (w : 'rV[R]_d) : 'rV[R]_d :=
  n%:R^-1 *: \sum_i (dot w (row i X) - y i) *: row i X.

(** The expansion to second order is exact, and its quadratic term does not
    depend on w: the Hessian is `hessian` at every w. *)
Theorem same_curvature w v :
  squared_loss (w + v)
  = squared_loss w + dot (gradient w) v + 2%:R^-1 * (v *m hessian *m v^T) 0 0.
Proof.
have quadratic : (v *m hessian *m v^T) 0 0 = n%:R^-1 * \sum_i dot v (row i X) ^+ 2.
  rewrite /hessian -scalemxAr -scalemxAl mxE; congr (_ * _).
  have -> : v *m (X^T *m X) *m v^T = (v *m X^T) *m (v *m X^T)^T.
    by rewrite trmx_mul trmxK !mulmxA.
  rewrite dot_mx; apply: eq_bigr => i _; rewrite -expr2 mxE; congr (_ ^+ 2).
  by apply: eq_bigr => k _; rewrite !mxE.
have linear : dot (gradient w) v
    = n%:R^-1 * \sum_i (dot w (row i X) - y i) * dot v (row i X).
  rewrite /gradient dotZl; congr (_ * _).
  rewrite (big_morph (fun u => dot u v) (fun u1 u2 => dotDl u1 u2 v) (dot0l v)).
  by apply: eq_bigr => i _; rewrite dotZl (dotC (row i X)).
rewrite quadratic linear /squared_loss invfM.
have -> : \sum_i (dot (w + v) (row i X) - y i) ^+ 2
    = \sum_i (dot w (row i X) - y i) ^+ 2
      + 2%:R * (\sum_i (dot w (row i X) - y i) * dot v (row i X))
      + \sum_i dot v (row i X) ^+ 2.
  by rewrite mulr_sumr -!big_split /=; apply: eq_bigr => i _; rewrite dotDl; ring.
by move: n%:R^-1 => c; field.
Qed.

Theorem curvature_degenerate : (n < d)%N -> (\rank hessian < d)%N.
Proof.
move=> lt_nd; apply: leq_ltn_trans lt_nd.
apply: leq_trans (rank_leq_row X); apply: leq_trans (mxrankM_maxr X^T X).
exact: mxrankS (scalemx_sub _ (submx_refl _)).
Qed.

(** For any other loss, a polynomial in the prediction, say, the second
    derivative at w along v is that of t -> (1/n) sum_i loss_i(<w + t v, x_i>) at
    t = 0. *)
Definition loss_along (loss : 'I_n -> {poly R}) (w v : 'rV[R]_d) : {poly R} :=
  n%:R^-1 *: \sum_i (loss i \Po ((dot w (row i X))%:P + dot v (row i X) *: 'X)).

(** (1/n) X^T diag(beta) X, beta the second derivative of the losses *)
Definition general_hessian (loss : 'I_n -> {poly R}) (w : 'rV[R]_d) : 'M[R]_d :=
  n%:R^-1 *: (X^T *m diag_mx (\row_i (loss i)^`()^`().[dot w (row i X)]) *m X).

Lemma general_hessian_is_second_derivative loss w v :
  (loss_along loss w v)^`()^`().[0] = (v *m general_hessian loss w *m v^T) 0 0.
Proof.
rewrite /loss_along !derivZ hornerZ /general_hessian -scalemxAr -scalemxAl mxE.
congr (_ * _).
have -> : v *m (X^T *m diag_mx (\row_i (loss i)^`()^`().[dot w (row i X)]) *m X) *m v^T
  = (v *m X^T) *m diag_mx (\row_i (loss i)^`()^`().[dot w (row i X)]) *m (v *m X^T)^T.
  by rewrite trmx_mul trmxK !mulmxA.
rewrite !(raddf_sum (deriv_additive R)) /= horner_sum mxE; apply: eq_bigr => i _.
rewrite mul_mx_diag !mxE.
have -> : \sum_j v 0 j * X^T j i = dot v (row i X) by apply: eq_bigr => k _; rewrite !mxE.
have line : ((dot w (row i X))%:P + dot v (row i X) *: 'X)^`() = (dot v (row i X))%:P.
  by rewrite derivD derivC derivZ derivX add0r alg_polyC.
rewrite deriv_comp line derivM derivC mulr0 addr0 deriv_comp line !hornerE horner_comp !hornerE.
by rewrite [_.[_] * _]mulrC.
Qed.

(** The claim: least squares, then any loss at any two interpolants, then rank. *)
Theorem curvature :
  [/\ forall w v, squared_loss (w + v)
        = squared_loss w + dot (gradient w) v + 2%:R^-1 * (v *m hessian *m v^T) 0 0,
      forall loss w v,
        (loss_along loss w v)^`()^`().[0] = (v *m general_hessian loss w *m v^T) 0 0,
      forall loss w u, interpolates X y w -> interpolates X y u ->
        general_hessian loss w = general_hessian loss u &
      (n < d)%N -> (\rank hessian < d)%N /\ forall loss w, (\rank (general_hessian loss w) < d)%N].
Proof.
split; [exact: same_curvature | exact: general_hessian_is_second_derivative | |].
  move=> loss w u fits_w fits_u; congr (_ *: (_ *m diag_mx _ *m _)).
  by apply/rowP => i; rewrite !mxE fits_w fits_u.
move=> lt_nd; split=> [|loss w]; first exact: curvature_degenerate.
apply: leq_ltn_trans lt_nd; apply: leq_trans (rank_leq_row X).
apply: leq_trans (mxrankM_maxr (X^T *m diag_mx (\row_i (loss i)^`()^`().[dot w (row i X)])) X).
exact: mxrankS (scalemx_sub _ (submx_refl _)).
Qed.

End Curvature.
