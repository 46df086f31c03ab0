// An account over NetSuite's own WSDL: node netsuite_erp.mjs PATH_OF_netsuite.wsdl, port in PORT. Keeps records by type and
// external id, verifies the signature of each call and that no nonce comes twice. GET / gives what it has and was asked.
// POST /reset empties it, and lets nonces come again: the clocks of tests may stand still. POST /items adds items of the
// given ids and instants of change.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import soap from 'soap';

const wsdl = process.argv[2];
const core = 'urn:core_2023_2.platform.webservices.netsuite.com';
const faults = 'urn:faults_2023_2.platform.webservices.netsuite.com';
const xsi = 'http://www.w3.org/2001/XMLSchema-instance';
const sales = 'urn:sales_2023_2.transactions.webservices.netsuite.com';
const relationships = 'urn:relationships_2023_2.lists.webservices.netsuite.com';
const namespaces = {
  customer: relationships, vendor: relationships, creditMemo: 'urn:customers_2023_2.transactions.webservices.netsuite.com',
  purchaseOrder: 'urn:purchases_2023_2.transactions.webservices.netsuite.com',
};
// one customer and one vendor are there from the beginning
const records = new Map([
  ['customer/shop/C-9', { type: 'customer', externalId: 'shop/C-9', internalId: '4711' }],
  ['vendor/acme', { type: 'vendor', externalId: 'acme', internalId: '815' }],
]);
const nonces = new Set();
let standstill = false;
const received = [];
const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

const ok = { 'c:status': { attributes: { isSuccess: 'true', 'xmlns:c': core } } };
const no = (code, message) => ({
  'c:status': {
    attributes: { isSuccess: 'false', 'xmlns:c': core },
    'c:statusDetail': { attributes: { type: 'ERROR' }, 'c:code': code, 'c:message': message },
  },
});
const reference = (record) => ({
  attributes: {
    'xsi:type': 'c:RecordRef', type: record.type, internalId: record.internalId, externalId: record.externalId,
    'xmlns:c': core, 'xmlns:xsi': xsi,
  },
});
function fault(element, code, message) {
  return {
    Fault: {
      faultcode: 'soapenv:Server.userException', faultstring: message,
      detail: { [`f:${element}`]: { attributes: { 'xmlns:f': faults }, 'f:code': code, 'f:message': message } },
      statusCode: 500,
    },
  };
}

// Oracle's description of token-based authentication for SOAP: percent-encoded values joined by &
function authenticate(headers) {
  const passport = headers?.tokenPassport;
  const value = (name) => passport?.[name]?.$value ?? passport?.[name];
  const encoded = (parts) => parts.map((part) => encodeURIComponent(part)).join('&');
  const base = encoded(['account', 'consumerKey', 'token', 'nonce', 'timestamp'].map((name) => String(value(name))));
  const expected = createHmac('sha256', encoded(['cs/secret', 'ts secret'])).update(base).digest('base64');
  const fresh = standstill || !nonces.has(value('nonce'));
  nonces.add(value('nonce'));
  if (!fresh || passport?.signature?.$value !== expected || passport.signature.attributes.algorithm !== 'HMAC-SHA256') {
    throw fault('invalidCredentialsFault', 'INVALID_LOGIN_CREDENTIALS', 'You have entered an invalid email address or password.');
  }
}

const typeOf = (record) => {
  const name = (record.attributes?.['xsi:type'] ?? record.attributes?.type ?? '').split(':').pop();
  return name.charAt(0).toLowerCase() + name.slice(1);
};

function add({ record }) {
  if (record.memo?.startsWith('busy')) throw fault('exceededConcurrentRequestLimitFault', 'WS_CONCUR_SESSION_DISALLWD', 'only one request at a time');
  if (record.memo?.startsWith('limit')) return { writeResponse: no('SSS_REQUEST_LIMIT_EXCEEDED', 'request limit exceeded') };
  if (record.memo?.startsWith('bad')) return { writeResponse: no('INVALID_KEY_OR_REF', 'Invalid item reference key 01234.') };
  const type = typeOf(record);
  const { externalId } = record.attributes;
  const key = `${type}/${externalId}`;
  if (records.has(key)) return { writeResponse: no('DUP_RCRD', 'This record already exists') };
  const kept = { type, externalId, internalId: String(9000 + records.size) };
  records.set(key, kept);
  if (record.memo?.startsWith('slow')) return new Promise(() => {});
  return { writeResponse: { ...ok, baseRef: reference(kept) } };
}

function update({ record }) {
  const kept = records.get(`${typeOf(record)}/${record.attributes.externalId}`);
  if (!kept) return { writeResponse: no('RCRD_DSNT_EXIST', 'That record does not exist.') };
  return { writeResponse: { ...ok, baseRef: reference(kept) } };
}

function get({ baseRef }) {
  const { type, externalId } = baseRef.attributes;
  const kept = records.get(`${type}/${externalId}`);
  if (!kept) return { readResponse: no('RCRD_DSNT_EXIST', 'That record does not exist.') };
  const name = type.charAt(0).toUpperCase() + type.slice(1);
  return {
    readResponse: {
      ...ok,
      record: {
        attributes: {
          'xsi:type': `s:${name}`, internalId: kept.internalId, externalId, 'xmlns:xsi': xsi,
          'xmlns:s': namespaces[type] ?? sales,
        },
      },
    },
  };
}

const item = (internalId, number, modified) => ({
  attributes: {
    'xsi:type': 'a:InventoryItem', internalId, externalId: `0${number}`, 'xmlns:xsi': xsi,
    'xmlns:a': 'urn:accounting_2023_2.lists.webservices.netsuite.com',
  },
  'a:lastModifiedDate': modified,
  'a:weight': '2.5', 'a:weightUnit': '_lb',
  'a:itemId': number === 1 ? 'TENT : 01' : `0${number}`, 'a:upcCode': '4006381333931', 'a:displayName': `Item ${number}`,
  'a:isInactive': 'false',
});
let items = Array.from({ length: 12 }, (_, index) => item(String(50 + index), index + 1, '2026-11-20T08:00:00.000-08:00'));
const searches = new Map();
function search({ searchRecord }, headers) {
  const { operator, searchValue } = searchRecord.basic.lastModifiedDate ?? {};
  const since = operator === 'onOrAfter' ? new Date(searchValue) : new Date(0);
  const searchId = `WEBSERVICES_${searches.size + 1}_abc`;
  const changed = items.filter((one) => new Date(one['a:lastModifiedDate']) >= since);
  searches.set(searchId, { items: changed, pageSize: Number(headers.searchPreferences.pageSize) });
  return found(1, searchId);
}
function found(pageIndex, searchId) {
  const { items, pageSize } = searches.get(searchId);
  const from = (pageIndex - 1) * pageSize;
  return {
    'c:searchResult': {
      attributes: { 'xmlns:c': core },
      'c:status': { attributes: { isSuccess: 'true' } },
      'c:totalRecords': items.length, 'c:pageSize': pageSize, 'c:totalPages': Math.ceil(items.length / pageSize),
      'c:pageIndex': pageIndex, 'c:searchId': searchId,
      'c:recordList': { 'c:record': items.slice(from, from + pageSize) },
    },
  };
}
function availability({ itemAvailabilityFilter }) {
  const rows = list(itemAvailabilityFilter.item.recordRef).flatMap(({ attributes: { internalId } }) => [1, 2].map((place) => ({
    'c:item': { attributes: { internalId, type: 'inventoryItem' }, 'c:name': internalId === '50' ? 'TENT : 01' : `0${internalId - 49}` },
    'c:lastQtyAvailableChange': '2026-11-20T08:00:00.000-08:00',
    'c:locationId': { attributes: { internalId: String(place), type: 'location' }, 'c:name': `Place ${place}` },
    'c:quantityOnHand': place === 1 ? '264.0' : '-1.0',
    'c:quantityAvailable': place === 1 ? '260.0' : '0.0',
  })));
  return {
    'c:getItemAvailabilityResult': {
      attributes: { 'xmlns:c': core },
      'c:status': { attributes: { isSuccess: 'true' } },
      'c:itemAvailabilityList': { 'c:itemAvailability': rows },
    },
  };
}

const operations = {
  add, update, get,
  search,
  searchMoreWithId: ({ pageIndex, searchId }) => {
    if (!searches.has(searchId)) throw fault('unexpectedErrorFault', 'INVALID_PAGE_INDEX', 'the search has expired');
    return found(Number(pageIndex), searchId);
  },
  getItemAvailability: availability,
  getServerTime: () => ({
    getServerTimeResult: { ...ok, 'c:serverTime': { attributes: { 'xmlns:c': core }, $value: '2026-11-23T00:00:00Z' } },
  }),
};
const port = Object.fromEntries(Object.entries(operations).map(([name, answer]) => [name, (args, callback, headers) => {
  received.push({ name, args, headers });
  authenticate(headers);
  return answer(args, headers);
}]));

const server = http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  if (request.url === '/reset') {
    standstill = true;
    items = [];
    received.length = 0;
    [records, searches].forEach((one) => one.clear());
  } else if (request.url === '/items') {
    items.push(...JSON.parse(Buffer.concat(chunks)).map(({ id, changed }) => item(id, Number(id), changed)));
  }
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ records: [...records.values()], received }));
});
soap.listen(server, {
  path: '/services/NetSuitePort_2023_2',
  services: { NetSuiteService: { NetSuitePort: port } },
  xml: readFileSync(wsdl, 'utf8'),
  uri: wsdl,
  callback: () => server.listen(Number(process.env.PORT), '127.0.0.1'),
});
