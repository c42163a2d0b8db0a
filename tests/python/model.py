"""What the org may have seen: judges a journal against the records of the topics. Pure; judge.py does the reading.

Every identity has one sequence of changes for each partition that holds some. Its events in the org's journal must be
explained by *runs*: each goes through every sequence in order; a new run may begin only where an older one has been,
and each costs an interruption; the last one reaches every end. What a change does depends on whether the record exists:

| change | record exists | it does not |
|---|---|---|
| upsert | event: update | event: create |
| update | event: update | no event, a dead letter |
| delete | event: delete | no event |
| reject | no event, a dead letter | no event, a dead letter |
"""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Change:
    """One record of a topic."""

    at: tuple  # topic, partition, offset
    kind: str  # upsert, update, delete, reject; create is a plain insert, without an identity
    fields: dict = field(default=None, hash=False)


@dataclass(frozen=True)
class Event:
    """One entry of the org's journal."""

    op: str  # create, update, delete
    fields: dict = field(default=None, hash=False)
    id: str = None


def step(change, event, exists, letters):
    """How many events (0 or 1) this change explains, or None if it does not fit here."""
    if change.kind == "reject" or (change.kind == "update" and not exists):
        return 0 if change.at in letters else None
    if change.kind == "delete":
        if not exists:
            return 0
        return 1 if event and event.op == "delete" else None
    wanted = "update" if exists else "create"
    return 1 if event and event.op == wanted and event.fields == change.fields else None


def explain(sequences, events, letters, existed=False):
    """The least number of runs beyond the first that explains the events, or None where no runs do."""
    exists = [existed] + [event.op != "delete" for event in events]
    ends = tuple(len(sequence) for sequence in sequences)
    start = (0, tuple(0 for _ in sequences), False)  # events explained, place in each sequence, going back
    costs = {start: 0}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        done, places, back = state
        cost = costs[state]
        if done == len(events) and places == ends and not back:
            return cost
        nexts = [((done, places, not back), 0 if back else 1)]
        event = events[done] if done < len(events) else None
        for which, place in enumerate(places):
            if back and place > 0:
                nexts.append(((done, moved(places, which, -1), True), 0))
            if not back and place < ends[which]:
                used = step(sequences[which][place], event, exists[done], letters)
                if used is not None:
                    nexts.append(((done + used, moved(places, which, 1), False), 0))
        for after, price in nexts:
            if cost + price < costs.get(after, 1 << 30):
                costs[after] = cost + price
                queue.append(after) if price else queue.appendleft(after)
    return None


def moved(places, which, by):
    return places[:which] + (places[which] + by,) + places[which + 1:]


def misses(sequence, existed=False):
    """The updates of one sequence that find nothing, when nothing is repeated."""
    exists = existed
    found = set()
    for change in sequence:
        if change.kind == "reject" or (change.kind == "update" and not exists):
            found.add(change.at)
        elif change.kind != "update":
            exists = change.kind != "delete"
    return found


def final_fields(events, before=None):
    """What the record holds after the events, or None when it is gone."""
    fields = before
    for event in events:
        if event.op == "delete":
            fields = None
            continue
        if event.op == "create":
            fields = {}
        fields = {**fields, **event.fields}
        fields = {name: value for name, value in fields.items() if value is not None}
    return fields


def judge(histories, events, letters, interruptions, existing=frozenset()):
    """Problems as texts, and counts.

    histories: identity → {partition: [Change]}; identity None holds the plain inserts.
    events: identity → [Event]; identity None holds the plain creates.
    letters: how often each (topic, partition, offset) was dead-lettered; existing: identities that were there before.
    """
    problems = []
    counts = Counter()
    plain = [change for sequence in histories.get(None, {}).values() for change in sequence]
    problems += judge_plain(plain, events.get(None, []), letters, interruptions)
    may_fail = {change.at for change in plain if change.kind == "reject"}
    for identity in (histories.keys() | events.keys()) - {None}:
        sequences = list(histories.get(identity, {}).values())
        seen = events.get(identity, [])
        existed = identity in existing
        cost = explain(sequences, seen, letters, existed)
        shown = [(event.op, event.fields) for event in seen]
        if cost is None:
            problems.append(f"{identity}: no runs explain {shown}; the topics hold {sequences}")
            continue
        counts["repeated identities"] += cost > 0
        counts["runs"] = max(counts["runs"], cost + 1)
        if cost > interruptions:
            problems.append(f"{identity}: {cost + 1} runs, with {interruptions} interruptions: {shown}")
        changes = [change for sequence in sequences for change in sequence]
        if cost == 0 and len(sequences) == 1 and interruptions == 0:
            may_fail |= misses(sequences[0], existed)
        else:
            may_fail |= {change.at for change in changes if change.kind in ("update", "reject")}
    for at, times in letters.items():
        if at not in may_fail:
            problems.append(f"{at} is a dead letter and should be written")
        if times > 1 + interruptions:
            problems.append(f"{at} is {times} dead letters")
    counts["dead letters"] = sum(letters.values())
    counts["events"] = sum(len(seen) for seen in events.values())
    return problems, dict(counts)


def judge_plain(inserts, creates, letters, interruptions):
    """Every plain insert makes one record, or one more for each interruption."""
    problems = []
    made = defaultdict(int)
    for event in creates:
        made[frozenset(event.fields.items())] += 1
    for change in inserts:
        if change.kind == "reject":
            if change.at not in letters:
                problems.append(f"{change.at} should be a dead letter")
            continue
        times = made.pop(frozenset(change.fields.items()), 0)
        if not 1 <= times <= 1 + interruptions:
            problems.append(f"the insert at {change.at} made {times} records")
    problems += [f"a record that no insert asked for: {dict(fields)}" for fields in made]
    return problems
