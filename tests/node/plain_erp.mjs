// The plain ERP: node plain_erp.mjs PATH_OF_plain_erp.wsdl, port in PORT. Keeps what is posted, by kind and external id.
// GET / gives all that it has and was asked. What a posting's order is called makes it fail in a chosen way.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import soap from 'soap';

const wsdl = process.argv[2];
const plain = 'urn:crossdock:plain-erp:1';
const documents = new Map();
const received = [];
const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

function fault(code, message, path = '') {
  return {
    Fault: {
      faultcode: 'soap:Client', faultstring: message,
      detail: { erpFault: { attributes: { xmlns: plain }, code, message, path } },
      statusCode: 500,
    },
  };
}

function purchase(order) {
  const lines = list(order.line);
  const index = lines.findIndex((line) => line.sku === 'UNKNOWN');
  if (index >= 0) throw fault('UNKNOWN_SKU', 'there is no item UNKNOWN', `purchaseOrder/line[${index + 1}]/sku`);
  const key = `purchase_order/${order.externalId}`;
  const known = documents.get(key);
  if (known && order.status === 'ordered') return { documentNumber: known.documentNumber, status: 'DUPLICATE' };
  const documentNumber = known?.documentNumber ?? `PO-${documents.size + 1}`;
  documents.set(key, {
    documentNumber, kind: 'purchase_order', externalId: order.externalId, status: order.status,
    quantity: lines.reduce((sum, line) => sum + Number(line.quantity), 0), net: '0.00',
  });
  return { documentNumber, status: order.status === 'ordered' ? 'CREATED' : 'CHANGED' };
}

function post(posting) {
  const key = `${posting.kind}/${posting.externalId}`;
  const index = list(posting.line).findIndex((line) => line.sku === 'UNKNOWN');
  if (index >= 0) throw fault('UNKNOWN_SKU', 'there is no item UNKNOWN', `posting/line[${index + 1}]/sku`);
  if (posting.order === 'BUSY') throw fault('BUSY', 'too many calls at once');
  if (posting.order === 'BROKEN') throw fault('INTERNAL', 'disk full');
  const known = documents.get(key);
  if (known && posting.order !== 'FORGETFUL') return { documentNumber: known.documentNumber, status: 'DUPLICATE' };
  const lines = list(posting.line);
  const documentNumber = `${{ invoice: 'RE', credit_note: 'CN' }[posting.kind] ?? 'SO'}-${documents.size + 1}`;
  documents.set(key, {
    documentNumber, kind: posting.kind, externalId: posting.externalId,
    quantity: lines.reduce((sum, line) => sum + Number(line.quantity), 0),
    net: lines.reduce((sum, line) => sum + Number(line.net ?? 0), 0).toFixed(2),
  });
  if (posting.order === 'SLOW') return new Promise(() => {});
  return { documentNumber, status: 'CREATED' };
}

const items = Array.from({ length: 12 }, (_, index) => ({
  sku: `0${index + 1}`, updatedAt: '2026-11-23T08:00:00Z', name: `Item ${index + 1}`, weightGrams: '250.5', active: true,
}));
const rows = items.flatMap(({ sku }, index) => [
  { sku, location: '1', onHand: String(10 + index), available: String(8 + index) },
  { sku, location: '2', onHand: '0', available: '0' },
]);
function page(all, { page, pageSize }, answer, name) {
  received.push({ page, pageSize });
  const from = (page - 1) * pageSize;
  return { ...answer, [name]: all.slice(from, from + Number(pageSize)), totalPages: Math.ceil(all.length / pageSize) };
}

const port = {
  PostSalesOrder: (args) => { received.push(args); return post(args.posting); },
  PostInvoice: (args) => { received.push(args); return post(args.posting); },
  PostCreditNote: (args) => { received.push(args); return post(args.posting); },
  PostPurchaseOrder: (args) => { received.push(args); return purchase(args.purchaseOrder); },
  ChangePurchaseOrder: (args) => { received.push(args); return purchase(args.purchaseOrder); },
  GetDocument({ kind, externalId }) {
    const document = documents.get(`${kind}/${externalId}`);
    return document ? { document } : {};
  },
  ListItems: (args) => page(items, args, {}, 'item'),
  ListStock: (args) => page(rows, args, { asOf: '2026-11-23T10:00:00Z' }, 'row'),
  ListOrders: (args) => page([], args, {}, 'order'),
};

const server = http.createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ documents: [...documents.values()], received }));
});
const service = soap.listen(server, {
  path: '/erp',
  services: { PlainErp: { PlainErpSoap: port } },
  xml: readFileSync(wsdl, 'utf8'),
  uri: wsdl,
  callback: () => server.listen(Number(process.env.PORT), '127.0.0.1'),
});
service.authorizeConnection = () => true;
service.authenticate = (security) => {
  const token = security?.UsernameToken;
  const password = token?.Password?.$value ?? token?.Password;
  if (token?.Username === 'hub' && password === 'erp-secret') return true;
  throw fault('BAD_CREDENTIALS', 'who are you?');
};
