"""The judge itself is tested: on journals made by hand it finds what is wrong, and only that."""

import unittest

from identity import fold, long_id
from model import Change, Event, explain, final_fields, judge, misses

T = "topic"


def changes(*kinds, partition=0):
    """Changes whose fields name their place, so that an event tells which change it came from."""
    return [Change((T, partition, offset), kind, {"n": f"{partition}.{offset}"}) for offset, kind in enumerate(kinds)]


def event(op, at=None):
    return Event(op, None if at is None else {"n": at})


class Runs(unittest.TestCase):
    def cost(self, sequences, events, letters=(), existed=False):
        return explain(sequences, events, set(letters), existed)

    def test_one_clean_run(self):
        history = [changes("upsert", "update", "delete", "upsert")]
        events = [event("create", "0.0"), event("update", "0.1"), event("delete"), event("create", "0.3")]
        self.assertEqual(self.cost(history, events), 0)

    def test_a_lost_change(self):
        history = [changes("upsert", "upsert", "upsert")]
        self.assertIsNone(self.cost(history, [event("create", "0.0"), event("update", "0.2")]))
        self.assertIsNone(self.cost(history, [event("create", "0.0"), event("update", "0.1")]))
        self.assertIsNone(self.cost(history, []))

    def test_two_changes_in_the_wrong_order(self):
        history = [changes("upsert", "upsert", "upsert")]
        events = [event("create", "0.0"), event("update", "0.2"), event("update", "0.1"), event("update", "0.2")]
        self.assertIsNone(self.cost(history, events), "0.2 before 0.1 in the first run")

    def test_a_repeat_costs_a_run(self):
        history = [changes("upsert", "upsert", "upsert")]
        events = [event("create", "0.0"), event("update", "0.1"), event("update", "0.0"), event("update", "0.1")]
        self.assertEqual(self.cost(history, [*events, event("update", "0.2")]), 1)
        self.assertIsNone(self.cost(history, events), "the last run does not reach the end")

    def test_a_change_that_is_applied_twice_in_place_is_a_repeat_too(self):
        history = [changes("upsert", "upsert")]
        events = [event("create", "0.0"), event("update", "0.0"), event("update", "0.1")]
        self.assertEqual(self.cost(history, events), 1)

    def test_a_delete_that_finds_nothing_and_an_update_that_misses(self):
        history = [changes("delete", "update", "upsert")]
        self.assertEqual(self.cost(history, [event("create", "0.2")], [(T, 0, 1)]), 0)
        self.assertIsNone(self.cost(history, [event("create", "0.2")]), "the update is neither written nor a letter")

    def test_a_repeated_update_may_find_what_a_later_insert_made(self):
        history = [changes("delete", "update", "upsert")]
        events = [event("create", "0.2"), event("update", "0.1"), event("update", "0.2")]
        self.assertEqual(self.cost(history, events, [(T, 0, 1)]), 1)

    def test_a_resurrected_record(self):
        history = [changes("upsert", "delete")]
        events = [event("create", "0.0"), event("delete"), event("create", "0.0")]
        self.assertIsNone(self.cost(history, events))
        self.assertEqual(self.cost(history, [*events, event("delete")]), 1)

    def test_sequences_of_two_partitions_interleave(self):
        history = [changes("upsert", "upsert"), changes("upsert", "delete", partition=1)]
        fine = [event("create", "1.0"), event("update", "0.0"), event("delete"), event("create", "0.1")]
        self.assertEqual(self.cost(history, fine), 0)
        wrong = [event("create", "0.1"), event("update", "0.0"), event("update", "1.0"), event("delete")]
        self.assertIsNone(self.cost(history, wrong))

    def test_a_record_that_was_there_before(self):
        self.assertEqual(self.cost([changes("update")], [event("update", "0.0")], existed=True), 0)
        self.assertIsNone(self.cost([changes("update")], [event("create", "0.0")], existed=True))


class Judge(unittest.TestCase):
    def problems(self, histories, events, letters=None, interruptions=0):
        return judge(histories, events, letters or {}, interruptions)[0]

    def test_what_is_right(self):
        self.assertEqual(self.problems({"a": {0: changes("upsert")}}, {"a": [event("create", "0.0")]}), [])

    def test_more_runs_than_interruptions(self):
        events = {"a": [event("create", "0.0"), event("update", "0.0")]}
        self.assertEqual(len(self.problems({"a": {0: changes("upsert")}}, events)), 1)
        self.assertEqual(self.problems({"a": {0: changes("upsert")}}, events, interruptions=1), [])

    def test_a_record_of_another_identity(self):
        self.assertEqual(len(self.problems({}, {"b": [event("create", "0.0")]})), 1)

    def test_dead_letters(self):
        history = {"a": {0: changes("upsert", "update")}}
        both = {"a": [event("create", "0.0"), event("update", "0.1")]}
        self.assertEqual(len(self.problems(history, both, {(T, 0, 0): 1})), 1, "written and dead-lettered")
        self.assertEqual(len(self.problems(history, both, {(T, 0, 1): 1})), 1, "an update that finds its record")
        self.assertEqual(len(self.problems({"a": {0: changes("reject")}}, {"a": []}, {(T, 0, 0): 2})), 1, "twice")
        self.assertEqual(len(self.problems({"a": {0: changes("reject")}}, {"a": []})), 1, "not at all")

    def test_plain_inserts(self):
        history = {None: {0: changes("create", "create")}}
        once = [event("create", "0.0"), event("create", "0.1")]
        self.assertEqual(self.problems(history, {None: once}), [])
        self.assertEqual(len(self.problems(history, {None: once[:1]})), 1)
        self.assertEqual(len(self.problems(history, {None: [*once, once[0]]})), 1)
        self.assertEqual(self.problems(history, {None: [*once, once[0]]}, interruptions=1), [])


class Helpers(unittest.TestCase):
    def test_final_fields(self):
        events = [Event("create", {"x": "1", "y": "2"}), Event("update", {"y": None})]
        self.assertEqual(final_fields(events), {"x": "1"})
        self.assertIsNone(final_fields([*events, Event("delete")]))

    def test_misses(self):
        self.assertEqual(misses(changes("update", "upsert", "update", "reject")), {(T, 0, 0), (T, 0, 3)})

    def test_spellings(self):
        self.assertEqual({fold("folded", text) for text in ("K", "k", "\u212a", " k ")}, {"k"})
        self.assertEqual(len({fold("exact", text) for text in ("K", "k", "\u212a")}), 3)
        self.assertEqual({fold("number", text) for text in ("1", "1.0", "10e-1", "001")}, {"1"})
        self.assertEqual(fold("number", "-0.0"), "0")
        self.assertEqual(long_id("0017Q00000EZlby"), "0017Q00000EZlbyQAD")
        self.assertEqual(long_id("a00B000000FSjVUIA1"), "a00B000000FSjVUIA1")


if __name__ == "__main__":
    unittest.main()
