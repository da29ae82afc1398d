// A complete relying party on openid-client, the library most Node apps use. It signs one person in, uses everything it
// was given, and says what it got. It must never know anything about Countersign that discovery does not say.
//
// stdout: one line {"authorize": url}, and after the callback one line with the result. stderr: why it failed.
import { once } from "node:events";
import http from "node:http";
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as client from "openid-client";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, CLIENT_AUTH = "basic", REDIRECT_URI, ALLOW_HTTP } = process.env;
const SCOPE = process.env.SCOPE ?? "openid profile email phone address offline_access company";
// More authorization parameters, written like a query: `company=techcorp&response_mode=form_post`.
const AUTHORIZE_PARAMS = process.env.AUTHORIZE_PARAMS ?? "";
const TIMEOUT = Number(process.env.TIMEOUT_SECONDS ?? 120) * 1000;
const ROLES = ["admin", "manager", "user"];

class Failure extends Error {}

function demand(condition, otherwise) {
  if (!condition) throw new Failure(otherwise);
}

async function step(name, work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${name}: ${describe(error)}`);
  }
}

// openid-client hides the reason in `cause`; a person who debugs wants the whole chain on one line.
function describe(error) {
  if (error instanceof Response) return `${error.status} from ${error.url}`;
  if (!(error instanceof Error)) return JSON.stringify(error) ?? String(error);
  const parts = [error.message, error.code, error.error, error.error_description].filter((part) => part);
  if (error.cause && error.cause !== error) parts.push(describe(error.cause));
  return [...new Set(parts)].join(" – ");
}

function clientAuthentication() {
  if (!CLIENT_SECRET) return client.None();
  return CLIENT_AUTH === "post" ? client.ClientSecretPost(CLIENT_SECRET) : client.ClientSecretBasic(CLIENT_SECRET);
}

// Waits for the first request to the redirect URI; whoever awaits it must answer the browser through `reply`.
async function listen() {
  const { hostname, port, pathname } = new URL(REDIRECT_URI);
  const server = http.createServer();
  const callback = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Failure(`no callback within ${TIMEOUT / 1000} s`)), TIMEOUT);
    server.on("request", async (request, response) => {
      const url = new URL(request.url, REDIRECT_URI);
      if (url.pathname !== pathname) return response.writeHead(404).end();
      clearTimeout(timer);
      const body = request.method === "POST" ? Buffer.concat(await request.toArray()) : undefined;
      resolve({
        // A Request for form_post, a URL otherwise: openid-client reads either.
        current: body ? new Request(url, { method: "POST", headers: request.headers, body }) : url,
        parameters: body ? new URLSearchParams(body.toString()) : url.searchParams,
        async reply(text) {
          response.writeHead(200, { "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
          await new Promise((sent) => response.end(text, sent));
        },
      });
    });
  });
  // A failure before anybody waits for the callback must not be reported as an unhandled rejection.
  callback.catch(() => {});
  server.listen(Number(port || 80), hostname.replace(/^\[|\]$/g, ""));
  await once(server, "listening");
  // A browser also holds connections on which it never asked anything; they would keep this process alive.
  const close = () => server.close().closeAllConnections();
  return { callback, close };
}

function demandCompany(claims, where) {
  demand(typeof claims.company_id === "string" && /^com_[0-9a-f]{32}$/.test(claims.company_id), `${where}: no company_id`);
  demand(typeof claims.company === "string" && claims.company !== "", `${where}: no company`);
  demand(Array.isArray(claims.roles) && claims.roles.length > 0, `${where}: no roles`);
  demand(claims.roles.every((role) => ROLES.includes(role)), `${where}: unknown role in ${JSON.stringify(claims.roles)}`);
}

// RFC 9068 section 4: what a resource server checks. `aud` is the resource's business, so it only has to be there.
async function verifyAccessToken(jwks, issuer, token) {
  const { payload } = await jwtVerify(token, jwks, {
    issuer,
    typ: "at+jwt",
    algorithms: ["RS256"],
    requiredClaims: ["aud", "exp", "iat", "jti", "sub", "client_id"],
  });
  demand(payload.client_id === CLIENT_ID, `access token: client_id is ${payload.client_id}`);
  demandCompany(payload, "access token");
  return payload;
}

function demandSamePerson(first, second, where) {
  for (const claim of ["sub", "company_id", "auth_time"]) {
    demand(first[claim] === second[claim], `${where}: ${claim} changed from ${first[claim]} to ${second[claim]}`);
  }
}

// What must no longer work once the refresh token is revoked. Gives the state of the access token, which may live on.
async function revoke(config, tokens) {
  await step("revoke", () => client.tokenRevocation(config, tokens.refresh_token, { token_type_hint: "refresh_token" }));
  const refused = await client.refreshTokenGrant(config, tokens.refresh_token).then(() => null, (error) => error);
  demand(refused, "revoke: the revoked refresh token still works");
  demand(refused.error === "invalid_grant", `revoke: expected invalid_grant, got ${describe(refused)}`);
  const userinfo = await client
    .fetchUserInfo(config, tokens.access_token, client.skipSubjectCheck)
    .then(() => "accepted", () => "refused");
  return { refresh_token: refused.error, access_token: userinfo };
}

async function redeem(config, answer, checks) {
  const issuer = config.serverMetadata().issuer;
  const jwks = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const tokens = await step("code", () => client.authorizationCodeGrant(config, answer.current, checks));
  const claims = tokens.claims();
  demand(claims, "code: no id_token");
  demandCompany(claims, "id_token");
  const access = await step("access token", () => verifyAccessToken(jwks, issuer, tokens.access_token));
  demandSamePerson(claims, access, "access token");
  const userinfo = await step("userinfo", () => client.fetchUserInfo(config, tokens.access_token, claims.sub));
  const result = {
    callback: Object.fromEntries([...answer.parameters].filter(([name]) => name !== "code")),
    token_response: { token_type: tokens.token_type, expires_in: tokens.expires_in, scope: tokens.scope },
    id_token: tokens.id_token,
    id_token_claims: claims,
    access_token_claims: access,
    userinfo,
    refreshed: null,
    introspection: null,
    revoked: null,
  };
  if (!tokens.refresh_token) {
    demand(!SCOPE.split(" ").includes("offline_access"), "code: offline_access was asked for, no refresh_token came");
    return result;
  }

  const fresh = await step("refresh", () => client.refreshTokenGrant(config, tokens.refresh_token));
  const freshAccess = await step("refreshed access token", () => verifyAccessToken(jwks, issuer, fresh.access_token));
  demandSamePerson(access, freshAccess, "refreshed access token");
  demand(freshAccess.jti !== access.jti, "refresh: the same access token came back");
  if (fresh.id_token) demandSamePerson(claims, fresh.claims(), "refreshed id_token");
  result.refreshed = {
    access_token_claims: freshAccess,
    id_token_claims: fresh.claims() ?? null,
    rotated: Boolean(fresh.refresh_token) && fresh.refresh_token !== tokens.refresh_token,
  };
  const current = { access_token: fresh.access_token, refresh_token: fresh.refresh_token ?? tokens.refresh_token };

  // RFC 7662 2.1: introspection needs an authenticated caller, so a public client has nothing to ask with.
  if (CLIENT_SECRET) {
    const introspection = await step("introspect", () => client.tokenIntrospection(config, current.access_token));
    demand(introspection.active === true, "introspect: a fresh access token is not active");
    demand(introspection.sub === claims.sub, `introspect: sub is ${introspection.sub}`);
    demandCompany(introspection, "introspect");
    result.introspection = introspection;
  }
  result.revoked = await revoke(config, current);
  if (CLIENT_SECRET) {
    const after = await step("introspect", () => client.tokenIntrospection(config, current.refresh_token));
    demand(after.active === false, "introspect: the revoked refresh token is still active");
  }
  return result;
}

async function main() {
  for (const name of ["ISSUER", "CLIENT_ID", "REDIRECT_URI"]) demand(process.env[name], `set ${name}`);
  const options = ALLOW_HTTP === "1" ? { execute: [client.allowInsecureRequests] } : undefined;
  const config = await step("discovery", () =>
    client.discovery(new URL(ISSUER), CLIENT_ID, undefined, clientAuthentication(), options),
  );
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const listener = await step("callback listener", listen);
  try {
    const authorize = client.buildAuthorizationUrl(config, {
      redirect_uri: REDIRECT_URI,
      scope: SCOPE,
      code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: "S256",
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      ...Object.fromEntries(new URLSearchParams(AUTHORIZE_PARAMS)),
    });
    console.log(JSON.stringify({ authorize: authorize.href }));
    const answer = await listener.callback;
    try {
      const result = await redeem(config, answer, checks);
      const { company, roles } = result.id_token_claims;
      await answer.reply(`Signed in at ${company} as ${roles.join(", ")}. You can close this tab.`);
      console.log(JSON.stringify(result));
    } catch (error) {
      await answer.reply(`Sign-in failed: ${error.message}`);
      throw error;
    }
  } finally {
    listener.close();
  }
}

main().catch((error) => {
  console.error(`sign_in.mjs: ${error instanceof Failure ? error.message : describe(error)}`);
  process.exitCode = 1;
});
