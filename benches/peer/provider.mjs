// The provider that Countersign is measured against: oidc-provider with its own in-memory adapter and its own pages for development.
// Signatures are RS256 with 2048 bits, as Countersign's; what a request asks for with resource=urn:load:api comes as a JWT signed so.
// Usage: node provider.mjs <port>. It prints one line when it listens.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const issuer = `http://localhost:${port}`;
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const client = {
  redirect_uris: ["http://localhost:9090/callback"],
  response_types: ["code"],
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
};

const provider = new Provider(issuer, {
  clients: [
    { ...client, client_id: "cli_load", client_secret: "load-secret-for-localhost-only", token_endpoint_auth_method: "client_secret_basic" },
    {
      ...client,
      client_id: "cli_load_public",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "load", use: "sig", alg: "RS256" }] },
  cookies: { keys: ["a-key-for-localhost-only"] },
  scopes: ["openid", "offline_access", "email", "profile"],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "updated_at"] },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    userinfo: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({ scope: "api", audience: "urn:load:api", accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } }),
    },
  },
  rotateRefreshToken: true,
  ttl: { AccessToken: 1800, ClientCredentials: 1800, IdToken: 1800, RefreshToken: 7 * 86400, Grant: 7 * 86400, Session: 12 * 3600 },
  findAccount: (ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${sub}@load.example`, email_verified: true, name: sub, updated_at: 1700000000 }),
  }),
});

const server = provider.listen(port, "127.0.0.1", () => console.log(`listening on ${issuer}`));
const stop = () => server.close(() => process.exit(0)).closeAllConnections();
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
