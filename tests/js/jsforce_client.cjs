// What jsforce sees of the org at an address: `node jsforce_client.cjs URL CLIENT_ID CLIENT_SECRET`.
// The org's pages have 20 rows. It ends with 0, or says what was not as expected.
'use strict';

const assert = require('node:assert/strict');
const jsforce = require('jsforce');

const [url, clientId, clientSecret] = process.argv.slice(2);
const KEY = 'ExternalId__c';

const connect = (secret) =>
  new jsforce.Connection({ loginUrl: url, version: '66.0', oauth2: { loginUrl: url, clientId, clientSecret: secret } });
const codes = (results) => results.map((row) => (row.success ? 'ok' : row.errors[0].statusCode));

async function login() {
  await assert.rejects(connect('wrong').authorize({ grant_type: 'client_credentials' }), {
    name: 'invalid_client',
    message: 'invalid client credentials',
  });
  const conn = connect(clientSecret);
  const user = await conn.authorize({ grant_type: 'client_credentials' });
  assert.equal(conn.instanceUrl, url);
  assert.equal(user.organizationId.length, 18);
  const identity = await conn.identity();
  assert.deepEqual([identity.user_id, identity.organization_id], [user.id, user.organizationId]);
  return conn;
}

async function oneRecord(conn) {
  const contacts = conn.sobject('Contact');
  const { id, success, errors } = await contacts.create({ FirstName: 'Ada', LastName: 'Byron', Email: null });
  assert.deepEqual([success, errors], [true, []]);
  assert.deepEqual(await contacts.update({ Id: id, LastName: 'Lovelace' }), { id, success: true, errors: [] });
  const { Name, Email, attributes } = await contacts.retrieve(id);
  assert.deepEqual([Name, Email], ['Ada Lovelace', null]);
  assert.deepEqual(attributes, { type: 'Contact', url: `/services/data/v66.0/sobjects/Contact/${id}` });

  const first = await contacts.upsert({ [KEY]: 'C-1', LastName: 'Hopper' }, KEY);
  assert.deepEqual([first.success, first.created], [true, true]);
  const second = await contacts.upsert({ [KEY]: 'C-1', FirstName: 'Grace' }, KEY);
  assert.deepEqual(second, { id: first.id, success: true, errors: [], created: false });
  assert.equal((await contacts.retrieve(first.id)).Name, 'Grace Hopper');

  assert.deepEqual(await contacts.destroy(id), { id, success: true, errors: [] });
  await assert.rejects(contacts.destroy(id), { errorCode: 'ENTITY_IS_DELETED' });
  await assert.rejects(contacts.retrieve(id), { errorCode: 'ENTITY_IS_DELETED' });
}

async function refusals(conn) {
  const missing = await conn.sobject('Lead').create({ FirstName: 'Ada' }).catch((error) => error);
  assert.equal(missing.errorCode, 'REQUIRED_FIELD_MISSING');
  assert.deepEqual(missing.data.fields, ['LastName', 'Company']);
  await assert.rejects(conn.sobject('Lead').create({ Nope__c: 1 }), { errorCode: 'INVALID_FIELD' });
  await assert.rejects(conn.sobject('Nope__c').create({}), { errorCode: 'NOT_FOUND' });
  await assert.rejects(conn.query('SELEKT Id FROM Contact'), {
    errorCode: 'MALFORMED_QUERY',
    message: 'unexpected token: SELEKT',
  });
  await assert.rejects(conn.query('SELECT Id FROM Nope__c'), { errorCode: 'INVALID_TYPE' });
  await assert.rejects(conn.queryMore('/services/data/v66.0/query/01gnone-20'), { errorCode: 'INVALID_QUERY_LOCATOR' });
}

async function collections(conn) {
  const cases = conn.sobject('Case');
  const account = await conn.sobject('Account').create({ Name: 'Engines', [KEY]: 'A-1' });
  const made = await cases.create([
    { Subject: 'one', Account: { attributes: { type: 'Account' }, [KEY]: 'A-1' } },
    { Subject: 'x'.repeat(256) },
    { Subject: 'three', [KEY]: 'K-3' },
  ]);
  assert.deepEqual(codes(made), ['ok', 'STRING_TOO_LONG', 'ok']);
  assert.deepEqual(made[1].errors[0].fields, ['Subject']);
  const [one, three] = [made[0].id, made[2].id];

  const changed = await cases.update([
    { Id: one, Status: 'Working' },
    { Id: account.id, Status: 'Working' },
  ]);
  assert.deepEqual(codes(changed), ['ok', 'MALFORMED_ID']);
  const upserted = await cases.upsert([{ [KEY]: 'k-3', Priority: 'High' }, { [KEY]: 'K-4', Subject: 'four' }], KEY);
  assert.deepEqual(upserted.map(({ success, created }) => [success, created]), [[true, false], [true, true]]);
  assert.equal(upserted[0].id, three);
  const twins = await cases.upsert([{ [KEY]: 'T' }, { [KEY]: 't' }], KEY);
  assert.deepEqual(codes(twins), ['DUPLICATE_VALUE', 'DUPLICATE_VALUE']);

  const fields = ['Id', 'Status', 'Priority', 'AccountId'];
  const read = await conn.retrieve('Case', [three, one, '500SB0000000zzz'], { fields });
  assert.deepEqual([read[0].Id, read[0].Status, read[0].Priority], [three, 'New', 'High']);
  assert.deepEqual([read[1].Id, read[1].Status, read[1].AccountId], [one, 'Working', account.id]);
  assert.equal(read[2], null);

  const both = [{ Id: one, Subject: 'never' }, { Id: three, Origin: 'x'.repeat(300) }];
  const together = await cases.update(both, { allOrNone: true });
  assert.deepEqual(codes(together), ['ALL_OR_NONE_OPERATION_ROLLED_BACK', 'STRING_TOO_LONG']);
  assert.equal((await cases.retrieve(one)).Subject, 'one');
  const deleted = await cases.destroy([one, three, upserted[1].id, one.slice(0, 14)]);
  assert.deepEqual(codes(deleted), ['ok', 'ok', 'ok', 'MALFORMED_ID']);
}

async function queries(conn) {
  const leads = conn.sobject('Lead');
  const rows = Array.from({ length: 50 }, (_, n) => ({ LastName: `L${n}`, Company: 'Engines', [KEY]: `L-${n}` }));
  assert.ok((await leads.create(rows)).every((row) => row.success));
  const soql = `SELECT Id, LastName FROM Lead WHERE Company = 'Engines'`;
  let page = await conn.query(soql);
  assert.deepEqual([page.totalSize, page.done, page.records.length], [50, false, 20]);
  const found = page.records.map((row) => row.LastName);
  while (!page.done) {
    page = await conn.queryMore(page.nextRecordsUrl);
    found.push(...page.records.map((row) => row.LastName));
  }
  assert.deepEqual(found.sort(), rows.map((row) => row.LastName).sort());
  const all = await conn.query(soql, { autoFetch: true, maxFetch: 1000 });
  assert.equal(all.records.length, 50);
  assert.equal((await conn.query('SELECT COUNT() FROM Lead')).totalSize, 50);
  const [seven] = await leads.find({ [KEY]: 'l-7' }, ['Id', 'LastName']);
  assert.equal(seven.LastName, 'L7');
}

async function descriptions(conn) {
  const described = await conn.sobject('Opportunity').describe();
  assert.deepEqual([described.name, described.keyPrefix], ['Opportunity', '006']);
  const field = (name) => described.fields.find((field) => field.name === name);
  const { type, nillable } = field('StageName');
  assert.deepEqual([type, nillable, field(KEY).externalId], ['picklist', false, true]);
  const names = (await conn.describeGlobal()).sobjects.map((sobject) => sobject.name);
  const own = ['MyObject__c', 'Detail__c'];
  const marketing = ['Campaign', 'CampaignMember'];
  assert.deepEqual(names, ['Account', 'Contact', 'Lead', 'Opportunity', 'Case', ...own, ...marketing]);
  await assert.rejects(conn.describe('Nope__c'), { errorCode: 'NOT_FOUND' });
  const { DailyApiRequests: daily } = await conn.limits();
  const { used, limit } = conn.limitInfo.apiUsage;
  assert.deepEqual([daily.Max, daily.Remaining], [limit, limit - used]);
}

async function logout(conn) {
  const other = new jsforce.Connection({ instanceUrl: conn.instanceUrl, accessToken: conn.accessToken, version: '66.0' });
  await other.limits();
  await conn.logout();
  await assert.rejects(other.limits(), { errorCode: 'INVALID_SESSION_ID' });
}

async function main() {
  const conn = await login();
  for (const part of [oneRecord, refusals, collections, queries, descriptions, logout]) await part(conn);
}

setTimeout(() => {
  console.error('no end after a minute');
  process.exit(1);
}, 60_000).unref();
main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
