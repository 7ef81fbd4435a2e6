(* Reads a certificate and a sample as whitespace-separated integers from standard input and hands them to the
   extracted checker: the denominator of the direction, d, the d numerators; the number of hinges, and for each its
   bias and weight as numerator and denominator; the denominator of the points, n, and for each point its d numerators
   and its label as numerator and denominator. Exit status 0 if the check says true, 1 if it says false, 2 if
   the input is malformed. *)

let buffer = Bytes.create 65536
let filled = ref 0
let next = ref 0

(* The next character, or '\000' at the end. *)
let peek () =
  if !next = !filled then begin
    filled := input stdin buffer 0 (Bytes.length buffer);
    next := 0
  end;
  if !filled = 0 then '\000' else Bytes.unsafe_get buffer !next

let blank c = c = ' ' || c = '\n'

let integer () =
  while blank (peek ()) do incr next done;
  let text = Buffer.create 24 in
  while not (blank (peek ()) || peek () = '\000') do
    Buffer.add_char text (peek ());
    incr next
  done;
  Z.of_string (Buffer.contents text)

let positive () =
  let n = integer () in
  if Z.sign n > 0 then n else invalid_arg "a denominator is not positive"

let count () = Z.to_int (integer ())

let rec times n read = if n = 0 then [] else let first = read () in first :: times (n - 1) read

let fraction () =
  let numerator = integer () in
  let denominator = positive () in
  { Checker.numerator; denominator }

let check () =
  let direction_denominator = positive () in
  let d = count () in
  let direction = times d integer in
  let hinge () = let bias = fraction () in (bias, fraction ()) in
  let hinges = times (count ()) hinge in
  let certificate = { Checker.direction; direction_denominator; hinges } in
  let denominator = positive () in
  let n = count () in
  let state = ref Checker.start in
  for _ = 1 to n do
    let point = times d integer in
    let label = fraction () in
    state := Checker.absorb certificate denominator !state (point, label)
  done;
  while blank (peek ()) do incr next done;
  if peek () <> '\000' then invalid_arg "there is more than the sample";
  Checker.finish certificate !state

let () =
  match check () with
  | true -> print_endline "true"
  | false -> print_endline "false"; exit 1
  | exception (Invalid_argument message | Failure message) -> prerr_endline message; exit 2
