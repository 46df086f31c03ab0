// A SOAP server over NetSuite's own WSDL: node netsuite.mjs PATH_OF_netsuite.wsdl, port in PORT.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import soap from 'soap';

const wsdl = process.argv[2];
const core = 'urn:core_2023_2.platform.webservices.netsuite.com';
const ok = { 'platformCore:status': { attributes: { isSuccess: 'true', 'xmlns:platformCore': core } } };
const received = [];

const port = {
  add(args, callback, headers) {
    received.push({ args, headers });
    if (args.record?.memo === 'slow') return new Promise(() => {});
    return {
      writeResponse: {
        ...ok,
        baseRef: {
          attributes: {
            'xsi:type': 'platformCore:RecordRef', type: 'salesOrder', internalId: '12345',
            'xmlns:platformCore': core, 'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
          },
        },
      },
    };
  },
  getServerTime: () => ({
    getServerTimeResult: {
      ...ok,
      'platformCore:serverTime': { attributes: { 'xmlns:platformCore': core }, $value: '2026-11-23T00:00:00Z' },
    },
  }),
  get() { throw { Fault: { faultcode: 'soap:Server', faultstring: 'RCRD_DSNT_EXIST' } }; },
};

const server = http.createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(received));
});
soap.listen(server, {
  path: '/services/NetSuitePort_2023_2',
  services: { NetSuiteService: { NetSuitePort: port } },
  xml: readFileSync(wsdl, 'utf8'),
  uri: wsdl,
  // listen only when requests can be answered
  callback: () => server.listen(Number(process.env.PORT), '127.0.0.1'),
});
