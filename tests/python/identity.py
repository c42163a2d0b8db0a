"""Which spellings name one record, by the kind of the field that names it. Written from Salesforce's rules alone."""

from decimal import Decimal

CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def long_id(text):
    """The 18 characters of a record id that is given with 15 or 18."""
    core = text[:15]
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place, letter in enumerate(core[start:start + 5]) if "A" <= letter <= "Z")
        suffix += CHECK[bits]
    return core + suffix


def number(text):
    value = Decimal(str(text)).normalize()
    return format(value + 0, "f") if value else "0"


KINDS = {
    "folded": lambda text: text.strip().lower(),  # unique without case
    "exact": lambda text: text.strip(),  # unique with case
    "number": number,
    "id": long_id,
}


def fold(kind, text):
    return KINDS[kind](text)
