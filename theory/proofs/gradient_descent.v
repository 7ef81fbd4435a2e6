(** Gradient descent on least squares, w_(t+1) = w_t - eta grad L(w_t), from any
    start.  Let w* be a global minimum (its gradient is 0), v an eigenvector of
    the Hessian H and lambda its eigenvalue.  The error along v is multiplied by
    exactly 1 - eta lambda at each step, and for lambda > 0 it tends to 0 if and
    only if 0 < eta < 2 / lambda. *)

From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp.algebra_tactics Require Import ring.
From Rethinking Require Import network row_space.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section GradientDescent.
Variables (R : realFieldType) (n d : nat) (X : 'M[R]_(n, d)) (y : 'I_n -> R) (eta : R).
Variables (w0 minimum v : 'rV[R]_d) (lambda : R).
Hypothesis stationary : gradient X y minimum = 0.
Hypothesis eigen : v *m hessian X = lambda *: v.

Fixpoint gradient_descent (t : nat) : 'rV[R]_d :=
  if t is s.+1 then gradient_descent s - eta *: gradient X y (gradient_descent s) else w0.

(** The error along v *)
Definition error (t : nat) : R := dot (gradient_descent t - minimum) v.

Lemma gradient_difference w u : gradient X y w - gradient X y u = (w - u) *m hessian X.
Proof.
rewrite /gradient -scalerBr -sumrB /hessian -scalemxAr mulmxA; congr (_ *: _).
rewrite [RHS]mulmx_sum_row; apply: eq_bigr => i _; rewrite -scalerBl; congr (_ *: _).
rewrite opprB addrA subrK -dotBl mxE.
by apply: eq_bigr => k _; rewrite !mxE.
Qed.

Lemma hessian_symmetric : (hessian X)^T = hessian X.
Proof. by rewrite /hessian linearZ /= trmx_mul trmxK. Qed.

Theorem gradient_descent_rate t : error t = (1 - eta * lambda) ^+ t * error 0.
Proof.
elim: t => [|t IHt]; first by rewrite expr0 mul1r.
rewrite exprS -mulrA -IHt /error /=; set w := gradient_descent t.
have -> : gradient X y w = (w - minimum) *m hessian X.
  by rewrite -gradient_difference stationary subr0.
have along_v u : dot (u *m hessian X) v = lambda * dot u v.
  have Hv : hessian X *m v^T = (v *m hessian X)^T by rewrite trmx_mul hessian_symmetric.
  by rewrite -dot_mx -mulmxA Hv eigen linearZ -scalemxAr mxE dot_mx.
by rewrite [X in dot X v]addrAC [LHS]dotBl dotZl along_v; ring.
Qed.

End GradientDescent.

Section Threshold.
Variable R : archiFieldType.

(** |e_t| <= eps from some step on, for every eps > 0 *)
Definition vanishes (e : nat -> R) : Prop :=
  forall eps, 0 < eps -> exists T, forall t, (T <= t)%N -> `|e t| <= eps.

Lemma bernoulli (h : R) t : 0 <= h -> 1 + t%:R * h <= (1 + h) ^+ t.
Proof.
move=> h_ge0; elim: t => [|t IHt]; first by rewrite mul0r addr0 expr0.
rewrite exprSr; apply: le_trans (ler_wpmul2r _ IHt); last by rewrite addr_ge0 ?ler01.
have -> : (1 + t%:R * h) * (1 + h) = 1 + t.+1%:R * h + t%:R * h * h by ring.
by rewrite ler_addl !mulr_ge0 ?ler0n.
Qed.

Lemma powers_vanish (r : R) : `|r| < 1 -> vanishes (fun t => r ^+ t).
Proof.
move=> r_lt1 eps eps_gt0; have [r0|r_neq0] := eqVneq r 0.
  by exists 1%N => -[//|t] _; rewrite r0 expr0n normr0 ltW.
have r_gt0 : 0 < `|r| by rewrite normr_gt0.
have [h h_gt0 r_h] : exists2 h, 0 < h & `|r| = (1 + h)^-1.
  exists (`|r|^-1 - 1); last by rewrite addrC subrK invrK.
  by rewrite subr_gt0 invf_gt1.
have bound_ge0 : 0 <= (eps * h)^-1 by rewrite invr_ge0 mulr_ge0 ?ltW.
exists (Num.bound (eps * h)^-1) => t le_t; rewrite normrX.
rewrite r_h exprVn -[_^-1]mul1r ler_pdivr_mulr ?exprn_gt0 ?addr_gt0 ?ltr01 //.
rewrite mulrC -ler_pdivr_mulr // div1r.
apply: le_trans (bernoulli t (ltW h_gt0)); apply: ler_paddl => //; first exact: ler01.
rewrite -ler_pdivr_mulr // -invfM; apply: ltW.
by apply: lt_le_trans (archi_boundP bound_ge0) _; rewrite ler_nat.
Qed.

Theorem gradient_descent_threshold n d (X : 'M[R]_(n, d)) (y : 'I_n -> R) (eta lambda : R)
    (w0 minimum v : 'rV[R]_d) :
  gradient X y minimum = 0 -> v *m hessian X = lambda *: v -> 0 < lambda ->
  dot (w0 - minimum) v != 0 ->
  vanishes (error X y eta w0 minimum v) <-> 0 < eta < 2%:R / lambda.
Proof.
move=> stationary eigen lambda_gt0 start.
have rate := gradient_descent_rate eta w0 stationary eigen.
have threshold : (0 < eta < 2%:R / lambda) = (`|1 - eta * lambda| < 1).
  have -> : (0 < eta) = (1 - eta * lambda < 1) by rewrite gtr_addl oppr_lt0 pmulr_lgt0.
  have -> : (eta < 2%:R / lambda) = (-1 < 1 - eta * lambda).
    by rewrite ltr_pdivl_mulr // -subr_gt0 -[RHS]subr_gt0; congr (0 < _); ring.
  by rewrite ltr_norml andbC.
rewrite threshold; split=> [vanish|/powers_vanish powers eps eps_gt0].
  have start_gt0 : 0 < `|dot (w0 - minimum) v| by rewrite normr_gt0.
  rewrite ltNge; apply/negP => le1.
  have half_gt0 : 0 < `|dot (w0 - minimum) v| / 2%:R by rewrite divr_gt0 ?ltr0n.
  have [T /(_ T (leqnn T))] := vanish _ half_gt0; rewrite rate normrM normrX.
  move=> /(le_trans (ler_wpmul2r (ltW start_gt0) (exprn_ege1 T le1))).
  by rewrite mul1r ler_pdivl_mulr ?ltr0n // ger_pmulr // leNgt ltr1n.
have start_gt0 : 0 < `|dot (w0 - minimum) v| by rewrite normr_gt0.
have [T small] := powers (eps / `|dot (w0 - minimum) v|) (divr_gt0 eps_gt0 start_gt0).
by exists T => t /small; rewrite rate normrM ler_pdivl_mulr.
Qed.

End Threshold.
