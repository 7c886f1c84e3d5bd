// An OpenID provider for the tests: node provider.mjs PORT PEOPLE.json CALLBACK
// Any password is right; who there is, and what is said of them, is read anew each time.
import { readFile } from 'node:fs/promises';
import Provider from 'oidc-provider';

const [port, people, callback] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

async function person(sub) {
  return JSON.parse(await readFile(people, 'utf8'))[sub];
}

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'cloud', client_secret: 'of the cloud', redirect_uris: [callback],
      grant_types: ['authorization_code'], response_types: ['code'],
    },
    {
      client_id: 'desktop', client_secret: 'known to all', application_type: 'native',
      redirect_uris: ['http://127.0.0.1/'],
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
    },
  ],
  cookies: { keys: ['test'] },
  claims: {
    openid: ['sub', 'groups'], email: ['email'], profile: ['name', 'preferred_username'],
  },
  conformIdTokenClaims: false,
  async findAccount(ctx, sub) {
    const known = await person(sub);
    return known && { accountId: sub, claims: async () => ({ sub, ...known }) };
  },
  // What introspection tells of an access token, beside the standard's
  async extraTokenClaims(ctx, token) {
    return token.accountId ? person(token.accountId) : undefined;
  },
  features: { introspection: { enabled: true }, revocation: { enabled: true } },
  pkce: { required: () => false },
  renderError(ctx, out, error) {
    console.error(error);
    ctx.body = JSON.stringify(out);
  },
});
provider.listen(Number(port), '127.0.0.1');
