"""The tail of the normal distribution in high precision."""

from decimal import MIN_EMIN, Decimal, localcontext

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def upper_tail(z: Decimal) -> Decimal:
    """P(Z > z) to about 50 digits."""
    with localcontext(prec=60, Emin=MIN_EMIN):
        if z < 0:
            return 1 - upper_tail(-z)
        return tail_by_series(z) if z < 6 else tail_by_fraction(z)


def tail_by_series(z: Decimal) -> Decimal:
    """1/2 - phi(z) (z + z^3/3 + z^5/(3 5) + ...), for z not far from 0."""
    total, term, k = Decimal(0), z, 1
    while abs(term) > Decimal(10) ** -60:
        total += term
        k += 2
        term = term * z * z / k
    return Decimal("0.5") - density(z) * total


def tail_by_fraction(z: Decimal) -> Decimal:
    """phi(z) / (z + 1/(z + 2/(z + 3/(z + ...)))), for z not near 0."""
    below = z
    for k in range(300, 0, -1):
        below = z + k / below
    return density(z) / below


def density(z: Decimal) -> Decimal:
    """The standard normal density."""
    return (-z * z / 2).exp() / (2 * PI).sqrt()


def log10_upper_tail(z: Decimal) -> Decimal:
    """log10 P(Z > z), exact even if the tail is almost 1."""
    if z < 0:
        return log10_one_minus(upper_tail(-z))
    return upper_tail(z).log10()


def log10_one_minus(q: Decimal) -> Decimal:
    """log10(1 - q), exact even if q is too small to change 1 in floating point."""
    if q > Decimal("0.1"):
        return (1 - q).log10()
    total, power, k = Decimal(0), q, 1
    while power > q * Decimal(10) ** -60:
        total -= power / k
        power *= q
        k += 1
    return total / Decimal(10).ln()
