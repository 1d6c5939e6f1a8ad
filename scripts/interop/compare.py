"""What both sides say, held against each other."""

# What differs.
FAULTS: list[str] = []


def compare(what: str, wanted, found, tolerance: float = 0) -> None:
    """Notes where two values differ, if they do."""
    note(what, {**dict(lacks(found, wanted, tolerance)), **dict(lacks(wanted, found, tolerance))})


def compare_between(what: str, least, found, most, tolerance: float = 0) -> None:
    """Notes what is missing of `least`, and what is not in `most`."""
    note(f"{what}, too little", dict(lacks(found, least, tolerance)))
    note(f"{what}, too much", dict(lacks(most, found, tolerance)))


def note(what: str, differences: dict[str, str]) -> None:
    FAULTS.extend(f"{what}: {at} {how}" for at, how in list(differences.items())[:3])
    if len(differences) > 3:
        FAULTS.append(f"{what}: and {len(differences) - 3} more")


def lacks(whole, part, tolerance: float, at: str = ""):
    """Where a value of JSON does not have all of another: keys of objects; lists have to be of one length, and numbers may
    differ by the tolerance."""
    if isinstance(whole, dict) and isinstance(part, dict):
        for key, value in part.items():
            if key in whole:
                yield from lacks(whole[key], value, tolerance, f"{at}.{key}")
            else:
                yield f"{at}.{key}", f"is {value!s:.80} on one side only"
    elif isinstance(whole, list) and isinstance(part, list) and len(whole) == len(part):
        for i, (one, other) in enumerate(zip(whole, part)):
            yield from lacks(one, other, tolerance, f"{at}[{i}]")
    elif is_number(whole) and is_number(part):
        if abs(whole - part) > tolerance:
            yield at, f"is {whole} and {part}"
    elif whole != part or type(whole) is not type(part):
        yield at, f"is {whole!s:.80} and {part!s:.80}"


def is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def compare_hits(what: str, wanted: dict, found: dict) -> None:
    """Notes where hits or scores differ; hits of one score may come in any order."""
    for id, one in wanted.items():
        other = found[id]
        compare(f"{what}, scores of {id}", one["scores"], other["scores"], 1e-4)
        score = dict(zip(other["hits"], other["scores"]))
        for rank, hit in enumerate(one["hits"]):
            if other["hits"][rank : rank + 1] != [hit] and abs(one["scores"][rank] - score.get(hit, 1e9)) > 1e-4:
                FAULTS.append(f"{what}: hit {rank} of {id} is {other['hits'][rank : rank + 1]} instead of {hit}")
