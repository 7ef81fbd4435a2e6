"""What every topic of the theory needs, and none owns.

arrays          samples as the theorems want them: points as rows, finite, distinct; labels as columns
streams         seeded randomness, one stream for each purpose
scaling         data in units of a power of two, results in the given ones
rounding        bounds on the rounding of sums and products
memory          bytes that the machine, its control group or its GPU have free
atomic          files that are whole or absent
array_files     archives of arrays, read as they were written
tensor_files    files of tensors, verified before they are read
regular_files   opening files that anybody may have put there
plain_numbers   NumPy's numbers as Python's, at the door of a public function
plain_text      text from outside, made safe to show
terminal        standard output that takes whatever is printed
names           what to say about an unknown name
lazy_import     packages that few functions need, imported when one of them runs
lazy            names of a package that are imported when they are asked for
version         the version of the three packages
double_double   sums and products with twice the digits of float64
"""
