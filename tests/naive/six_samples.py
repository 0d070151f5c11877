"""Six samples and two concepts, with AUCs that were computed by hand."""

# Activations 0..5, A = concept 0, B = concept 1. The AUCs by hand:
#   A 14/18, ~A 4/18, B 4/16, ~B 12/16, A & ~B 16/16, ~A | ~B 8/10, A | B 12/16,
#   A & B 2/10, ~A | B 0/16, ~A & B 4/10, A | ~B 6/10, ~A & ~B 4/16
SIX = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
A = {1, 4, 5}
B = {1, 2}
A_, NOT_A, B_, NOT_B = range(4)


def keys(formulas):
    return [(f.literals, "".join(f.connectives)) for f in formulas]
