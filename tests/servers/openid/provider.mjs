// oidc-provider (certified by the OpenID Foundation) with the accounts of a file.
// usage: node provider.mjs LIBRARY STATE PORT
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [library, state, port] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(library).href);

function signingKey(type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg, kid: `${alg}-${Date.now()}` };
}

const client = {
  grant_types: ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
  response_types: ["code"],
  // Of a native client, any port of the loopback is taken.
  application_type: "native",
  redirect_uris: ["http://127.0.0.1/v1/login/callback"],
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { ...client, client_id: "utakata", client_secret: "a secret: 100% +/=?" },
    { ...client, client_id: "public", token_endpoint_auth_method: "none", id_token_signed_response_alg: "ES256" },
    { ...client, client_id: "browser-only", token_endpoint_auth_method: "none", grant_types: ["authorization_code"] },
  ],
  jwks: {
    keys: [
      signingKey("rsa", { modulusLength: 2048 }, "RS256"),
      signingKey("ec", { namedCurve: "P-256" }, "ES256"),
    ],
  },
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"], email: ["email"] },
  // Otherwise the claims are asked for with the access token, as its standard has it.
  conformIdTokenClaims: process.env.IN_ID_TOKEN !== "1",
  features: { deviceFlow: { enabled: true } },
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
  // The accounts are read each time: a test changes them meanwhile.
  async findAccount(_, accountId) {
    const account = JSON.parse(readFileSync(`${state}/accounts.json`, "utf8"))[accountId];
    return account && { accountId, claims: async () => ({ sub: accountId, ...account }) };
  },
});
provider.listen(Number(port), "127.0.0.1");
