"""What simple-salesforce sees of the org at an address: simple_salesforce_client.py URL CLIENT_ID CLIENT_SECRET.

The org's pages have 20 rows. It ends with 0, or says what was not as expected.

simple-salesforce builds every address with https, its logins' too. An adapter takes its requests from there to the org,
which speaks plain HTTP; the library itself is as it was installed.
"""

import faulthandler
import json
import sys
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, exceptions, format_soql

KEY = "ExternalId__c"
MY_DOMAIN = "sandbox.my"


class Plain(HTTPAdapter):
    """Sends what is meant for an https address to the org."""

    def __init__(self, url):
        super().__init__()
        self.url = url

    def send(self, request, **options):
        path = urlsplit(request.url)._replace(scheme="", netloc="").geturl()
        request.url = self.url + path
        return super().send(request, **options)


def connect(url, consumer_key, consumer_secret):
    session = requests.Session()
    session.trust_env = False  # no proxy
    session.mount("https://", Plain(url))
    return Salesforce(
        session=session, consumer_key=consumer_key, consumer_secret=consumer_secret, domain=MY_DOMAIN, version="66.0"
    )


def refused(kind, call):
    """The errors of a call that raises `kind`, or its OAuth error."""
    try:
        answer = call()
    except kind as error:
        return error.code if kind is exceptions.SalesforceAuthenticationFailed else error.content
    raise AssertionError(f"not refused: {answer}")


def codes(results):
    return ["ok" if row["success"] else row["errors"][0]["statusCode"] for row in results]


def login(url, consumer_key, consumer_secret):
    failed = exceptions.SalesforceAuthenticationFailed
    assert refused(failed, lambda: connect(url, consumer_key, "wrong")) == "invalid_client"
    sf = connect(url, consumer_key, consumer_secret)
    assert sf.sf_instance == urlsplit(url).netloc, sf.sf_instance
    user = sf.oauth2("userinfo")
    assert user["user_id"].startswith("005") and user["sub"].endswith(user["user_id"]), user
    return sf


def one_record(sf):
    made = sf.Contact.create({"FirstName": "Ada", "LastName": "Byron", "Email": None})
    assert made["success"] and made["errors"] == [], made
    id = made["id"]
    assert sf.Contact.update(id, {"LastName": "Lovelace"}) == 204
    row = sf.Contact.get(id)
    assert (row["Name"], row["Email"]) == ("Ada Lovelace", None), row

    assert sf.Contact.upsert(f"{KEY}/C-1", {"LastName": "Hopper"}) == 201
    assert sf.Contact.upsert(f"{KEY}/C-1", {"FirstName": "Grace"}) == 200
    row = sf.Contact.get_by_custom_id(KEY, "C-1")
    assert row["Name"] == "Grace Hopper", row

    assert sf.Contact.delete(id) == 204
    gone = refused(exceptions.SalesforceResourceNotFound, lambda: sf.Contact.delete(id))
    assert gone[0]["errorCode"] == "ENTITY_IS_DELETED", gone


def refusals(sf):
    malformed = exceptions.SalesforceMalformedRequest
    [error] = refused(malformed, lambda: sf.Opportunity.create({"Name": "Mill"}))
    assert (error["errorCode"], error["fields"]) == ("REQUIRED_FIELD_MISSING", ["StageName", "CloseDate"]), error
    [error] = refused(malformed, lambda: sf.query("SELEKT Id FROM Contact"))
    assert error == {"message": "unexpected token: SELEKT", "errorCode": "MALFORMED_QUERY"}, error
    [error] = refused(exceptions.SalesforceResourceNotFound, lambda: sf.Nope__c.describe())
    assert error["errorCode"] == "NOT_FOUND", error
    twin = {"ExternalLoose__c": "twin"}
    ids = [sf.MyObject__c.create(twin)["id"] for _ in range(2)]
    several = refused(exceptions.SalesforceMoreThanOneRecord, lambda: sf.MyObject__c.upsert("ExternalLoose__c/twin", {}))
    assert sorted(several) == [f"/services/data/v66.0/sobjects/MyObject__c/{id}" for id in ids], several


def collections(sf):
    """The library has no calls of its own for them: by its general one."""

    def rows(rows, all_or_none=False):
        return {"allOrNone": all_or_none, "records": [{"attributes": {"type": "Opportunity"}, **row} for row in rows]}

    def call(path, method, body):
        return sf.restful(path, method=method, data=json.dumps(body))

    deal = {"Name": "Mill", "StageName": "Prospecting", "CloseDate": "2026-12-31"}
    made = call("composite/sobjects", "POST", rows([deal, {**deal, "CloseDate": None}]))
    assert codes(made) == ["ok", "REQUIRED_FIELD_MISSING"], made
    assert made[1]["errors"][0]["fields"] == ["CloseDate"], made
    id = made[0]["id"]
    changed = call("composite/sobjects", "PATCH", rows([{"Id": id, "Amount": 10.5}]))
    assert codes(changed) == ["ok"], changed
    upserted = call(f"composite/sobjects/Opportunity/{KEY}", "PATCH", rows([{KEY: "O-1", **deal}, {KEY: None, **deal}]))
    assert codes(upserted) == ["ok", "MISSING_ARGUMENT"] and upserted[0]["created"], upserted
    read = call("composite/sobjects/Opportunity", "POST", {"ids": [id, "nobody"], "fields": ["Id", "Amount"]})
    assert (read[0]["Amount"], read[1]) == (10.5, None), read
    ids = ",".join([id, upserted[0]["id"]])
    deleted = sf.restful("composite/sobjects", params={"ids": ids, "allOrNone": "true"}, method="DELETE")
    assert codes(deleted) == ["ok", "ok"], deleted


def queries(sf):
    names = sorted(f"L{n}" for n in range(50))
    for name in names:
        sf.Lead.create({"LastName": name, "Company": "O'Hara"})
    soql = format_soql("SELECT Id, LastName FROM Lead WHERE Company = {}", "O'Hara")
    page = sf.query(soql)
    assert (page["totalSize"], page["done"], len(page["records"])) == (50, False, 20), page
    more = sf.query_more(page["nextRecordsUrl"], identifier_is_url=True)
    assert len(more["records"]) == 20 and not more["done"], more
    everything = sf.query_all(soql)
    assert sorted(row["LastName"] for row in everything["records"]) == names, everything
    assert sf.query("SELECT COUNT() FROM Lead")["totalSize"] == 50


def descriptions(sf):
    described = sf.Case.describe()
    number = next(field for field in described["fields"] if field["name"] == "CaseNumber")
    assert described["keyPrefix"] == "500" and number["autoNumber"] and not number["createable"], number
    assert sf.Case.metadata()["objectDescribe"]["label"] == "Case"
    names = [sobject["name"] for sobject in sf.describe()["sobjects"]]
    standard, own = ["Account", "Contact", "Lead", "Opportunity", "Case"], ["MyObject__c", "Detail__c"]
    assert names == [*standard, *own, "Campaign", "CampaignMember"], names
    daily, cases = sf.limits()["DailyApiRequests"], sf.Case
    cases.metadata()
    assert cases.api_usage["api-usage"] == (daily["Max"] - daily["Remaining"] + 1, daily["Max"]), cases.api_usage


def renewal(sf):
    """A session that ended is opened again by the library, which looks for the error's code."""
    before = sf.session_id
    sf.session.post(f"{sf.oauth2_url}revoke", data={"token": before})
    assert sf.query("SELECT COUNT() FROM Lead")["totalSize"] == 50
    assert sf.session_id != before


def main():
    faulthandler.dump_traceback_later(60, exit=True)
    sf = login(*sys.argv[1:])
    for part in (one_record, refusals, collections, queries, descriptions, renewal):
        part(sf)


main()
