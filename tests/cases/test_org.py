"""What live orgs do that no trial org shows: sharing, second unique fields, triggers, hidden fields, slow calls."""

from conftest import ask, route, until


def outside(org, sobject, *rows):
    """Records that another client makes or changes in the org."""
    return ask(f"{org.url}/sandbox/records/{sobject}", list(rows))


def reasons(daemon, at_least=1):
    letters = daemon.letters(at_least).values()
    return sorted(one["__connect.errors.exception.class.name"].removeprefix("sobjectd.") for one in letters)


UNIQUE = [{"name": "Tax__c", "type": "string", "length": 40, "externalId": True, "unique": True}]


def test_a_value_of_a_second_unique_field_costs_three_calls_and_one_letter(bed):
    org, topic = bed.org(UNIQUE), bed.broker.topic()
    outside(org, "X__c", {"Key__c": "other", "Tax__c": "T-1"})
    daemon = bed.daemon(org, route(topic, sobject="X__c", key="Key__c")).start()
    bed.broker.produce(topic, ("K", {"Tax__c": "T-1"}))
    daemon.settle(1, 90)
    assert reasons(daemon) == ["Refused"]
    assert org.calls() <= 4


def test_a_row_lock_in_a_trigger_is_waited_for(bed):
    org, topic = bed.org(), bed.broker.topic()
    org.fault("upsert", kind="lock", in_trigger=True)
    daemon = bed.daemon(org, route(topic)).start()
    bed.broker.produce(topic, ("K", {"LastName": "x"}))
    daemon.settle(1)
    assert set(org.records()) == {"K"} and daemon.letters() == {}


def test_a_field_that_is_hidden_while_it_runs_costs_two_calls(bed):
    org, topic = bed.org(), bed.broker.topic()
    daemon = bed.daemon(org, route(topic)).start()
    bed.broker.produce(topic, ("first", {"LastName": "x", "Title": "t"}))
    daemon.settle(1)
    org.settings(hidden=["Contact.Title"])
    before = org.calls()
    bed.broker.produce(topic, *[(f"K{i}", {"LastName": "x", "Title": "t"}) for i in range(200)])
    daemon.settle(201)
    assert len(daemon.letters(200)) == 200
    assert org.calls() - before <= 1 + 2


def test_malformed_values_where_columns_count_bytes(bed):
    """Fourteen of 2,000 rows hold a text that only the org knows to be bad; names are not ASCII."""
    org, topic = bed.org(), bed.broker.topic()
    org.settings(columns="bytes", malformed_text="not today")
    rows = [(f"K{i}", {"LastName": "Żółć", "Title": "not today" if i % 140 == 139 else "ok"}) for i in range(2_000)]
    bed.broker.produce(topic, *rows)
    daemon = bed.daemon(org, route(topic)).start().settle(2_000, 120)
    bad = sum(1 for _, row in rows if row["Title"] == "not today")
    assert len(org.records()) == 2_000 - bad and len(daemon.letters(bad)) == bad
    assert org.calls() <= 10 + bad * 16


def test_a_delete_of_a_record_that_is_not_shared_is_counted(bed):
    org, topic = bed.org(), bed.broker.topic()
    outside(org, "Contact", {"LastName": "x", "ExternalId__c": "K"})
    org.settings(owner_only=True)
    daemon = bed.daemon(org, route(topic)).start()
    bed.broker.produce(topic, ("K", None))
    daemon.settle(1)
    assert daemon.metric("sobjectd_deletes_not_found_total") == 1
    assert len(daemon.events("delete_found_nothing", route=topic)) == 1


def test_an_update_leaves_the_owner_of_a_case_alone(bed):
    org, topic = bed.org(), bed.broker.topic()
    org.settings(auto_assign=True)
    outside(org, "Case", {"Subject": "x", "ExternalId__c": "K"})
    owner = org.records("Case")["K"].get("OwnerId")
    daemon = bed.daemon(org, route(topic, sobject="Case")).start()
    bed.broker.produce(topic, ("K", {"Subject": "y"}))
    daemon.settle(1)
    now = org.records("Case")["K"]
    assert (now["Subject"], now.get("OwnerId")) == ("y", owner)


def test_a_field_that_may_be_created_and_not_updated(bed):
    """The master of a detail: the first upsert brings it, and the second one is written without it."""
    org, topic = bed.org(), bed.broker.topic()
    outside(org, "Account", {"Name": "A", "ExternalId__c": "A"})
    master = org.ids("Account")["A"]
    daemon = bed.daemon(org, route(topic, sobject="Detail__c")).start()
    bed.broker.produce(topic, ("D", {"Master__c": master}))
    daemon.settle(1)
    bed.broker.produce(topic, ("D", {"Master__c": master, "Text__c": "changed"}))
    daemon.settle(2)
    assert daemon.letters() == {}
    assert org.records("Detail__c")["D"]["Text__c"] == "changed"


def test_a_slow_org_gets_smaller_calls_and_no_insert_more_than_three_times(bed):
    """One second a row, scaled 1:60: a call of 200 rows takes 3.3 s, and a call may take 2 s."""
    org, topic = bed.org(), bed.broker.topic()
    org.settings(latency_ms_per_row=1_000 // 60)
    more = 'salesforce.request_timeout = "2s"\nsalesforce.unknown_hold = "500ms"'
    daemon = bed.daemon(org, route(topic, operation="insert", key=""), more=more).start()
    bed.broker.produce(topic, *[(None, {"LastName": f"n{i}"}) for i in range(600)])
    daemon.settle(600, 180)
    made = ask(f"{org.url}/sandbox/creates/Contact?by=LastName")
    assert len(made) == 600 and max(made.values()) <= 3


def test_a_page_of_the_edge_rejects_no_insert(bed):
    """A 503 in HTML applied nothing: an insert waits, although unknown results would be dead letters."""
    org, topic = bed.org(), bed.broker.topic()
    org.fault("create", times=3, kind="status", status=503, body="<html>maintenance</html>", **{"from": "edge"})
    more = 'pipeline.insert_unknown = "dead_letter"'
    daemon = bed.daemon(org, route(topic, operation="insert", key=""), more=more).start()
    bed.broker.produce(topic, *[(None, {"LastName": f"n{i}"}) for i in range(50)])
    daemon.settle(50)
    assert daemon.letters() == {}
    assert len(ask(f"{org.url}/sandbox/records/Contact")) == 50


def test_redirects_are_waited_for_and_named(bed):
    org, topic = bed.org(), bed.broker.topic()
    elsewhere = {"Location": "https://renamed.my.salesforce.com/"}
    org.fault("data", times=None, kind="status", status=302, headers=elsewhere, body="")
    daemon = bed.daemon(org, route(topic), more="validate_on_start = false").start(ready=False)
    bed.broker.produce(topic, ("K", {"LastName": "x"}))
    until("the redirect to be named", lambda: daemon.events("org_unavailable", "renamed.my.salesforce.com"))
    org.heal()
    daemon.settle(1, 90)
    assert set(org.records()) == {"K"}


def test_a_login_that_asks_for_another_attempt_is_no_end(bed):
    org, topic = bed.org(), bed.broker.topic()
    org.fault("login", times=1, kind="oauth_error", error="unknown_error", description="retry your request")
    daemon = bed.daemon(org, route(topic), more='salesforce.login_interval = "1s"').start()
    bed.broker.produce(topic, ("K", {"LastName": "x"}))
    daemon.settle(1)
    assert set(org.records()) == {"K"}


def test_an_api_version_that_the_org_does_not_speak_is_said_as_such(bed):
    org = bed.org()
    org.settings(newest_version=60)
    code, said = bed.daemon(org, route(bed.broker.topic())).check()
    assert code == 78 and "api_version" in said and "60" in said, said
