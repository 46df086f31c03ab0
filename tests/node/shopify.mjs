// Shopify's Admin schema served by graphql-js with generated answers: node shopify.mjs PATH_OF_admin_VERSION.json.gz, port in PORT.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { gunzipSync } from 'node:zlib';
import { addMocksToSchema } from '@graphql-tools/mock';
import { buildClientSchema, graphql, isEnumType } from 'graphql';

const raw = JSON.parse(gunzipSync(readFileSync(process.argv[2])));
const instant = '2026-11-21T11:00:00Z';
let number = 0;
const mocks = {
  ARN: () => 'arn:x', BigInt: () => '1', Boolean: () => false, Color: () => '#fff', Date: () => '2026-11-21',
  DateTime: () => instant, Decimal: () => '1.00', Float: () => 1.5, FormattedString: () => 'x', HTML: () => '<p/>',
  ID: () => `gid://shopify/Thing/${++number}`, Int: () => 1, JSON: () => ({}), Money: () => '1.00',
  StorefrontID: () => 'x', UnsignedInt64: () => '1', URL: () => 'https://example.com/x', UtcOffset: () => '+00:00',
  CountryCode: () => 'DE', CurrencyCode: () => 'EUR', Order: () => ({ cancelledAt: null }),
  ReturnLineItemType: () => ({ __typename: 'ReturnLineItem' }),
};
const documented = buildClientSchema(raw.data ?? raw);
for (const [name, type] of Object.entries(documented.getTypeMap())) {
  // the same answer every time: the first value of an enumeration, and no errors
  if (isEnumType(type)) mocks[name] ??= () => type.getValues()[0].value;
  if (name.endsWith('Payload') && type.getFields().userErrors) mocks[name] = () => ({ userErrors: [] });
}
const schema = addMocksToSchema({ schema: documented, mocks });

http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', async () => {
    response.setHeader('content-type', 'application/json');
    const { query, variables } = JSON.parse(body);
    response.end(JSON.stringify(await graphql({ schema, source: query, variableValues: variables })));
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
