// What a relying party does and demands, whatever library it stands on: one sign-in, then everything that was given is used.
// The library's own file makes the moves. Nothing here may know anything about Countersign that discovery does not say.
//
// stdout: one line {"authorize": url}, and after the callback one line with the result. stderr: why it failed.
import { once } from "node:events";
import http from "node:http";
import { createRemoteJWKSet, importJWK, jwtVerify } from "jose";

const env = process.env;
const on = (name) => env[name] === "1";

export const settings = {
  issuer: env.ISSUER,
  clientId: env.CLIENT_ID,
  clientSecret: env.CLIENT_SECRET,
  clientAuth: env.CLIENT_AUTH ?? "basic",
  // A private JWK: private_key_jwt, and the signature of request objects.
  clientKey: env.CLIENT_KEY ? JSON.parse(env.CLIENT_KEY) : undefined,
  redirectUri: env.REDIRECT_URI,
  postLogoutRedirectUri: env.POST_LOGOUT_REDIRECT_URI,
  initialAccessToken: env.INITIAL_ACCESS_TOKEN,
  allowHttp: on("ALLOW_HTTP"),
  scope: env.SCOPE ?? "openid profile email phone address offline_access company",
  // More authorization parameters, written like a query: `company=techcorp&response_mode=form_post`.
  parameters: Object.fromEntries(new URLSearchParams(env.AUTHORIZE_PARAMS ?? "")),
  signedWith: env.SIGNED_WITH ?? "RS256",
  pushed: on("PUSHED"),
  signedRequest: on("SIGNED_REQUEST"),
  signedResponse: on("SIGNED_RESPONSE"),
  dpop: on("DPOP"),
  dpopAlg: env.DPOP_ALG ?? "ES256",
  timeout: Number(env.TIMEOUT_SECONDS ?? 120) * 1000,
};
const ROLES = ["admin", "manager", "user"];

export class Failure extends Error {}

export function demand(condition, otherwise) {
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

// Libraries hide the reason in `cause`; a person who debugs wants the whole chain on one line.
function describe(error) {
  if (error instanceof Response) return `${error.status} from ${error.url}`;
  if (!(error instanceof Error)) return JSON.stringify(error) ?? String(error);
  const parts = [error.message, error.code, error.error, error.error_description].filter((part) => part);
  if (error.cause && error.cause !== error) parts.push(describe(error.cause));
  return [...new Set(parts)].join(" – ");
}

// The client's key as the libraries take it.
export async function signingKey() {
  const { alg, kid } = settings.clientKey;
  return { key: await importJWK(settings.clientKey, alg), kid };
}

// What a client says of itself when it registers (RFC 7591).
export function registration() {
  const { d, p, q, dp, dq, qi, ...jwk } = settings.clientKey ?? {};
  return {
    client_name: "A stranger's app",
    redirect_uris: [settings.redirectUri],
    post_logout_redirect_uris: settings.postLogoutRedirectUri ? [settings.postLogoutRedirectUri] : [],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: settings.clientKey ? "private_key_jwt" : "client_secret_basic",
    id_token_signed_response_alg: settings.signedWith,
    ...(settings.clientKey && { jwks: { keys: [jwk] } }),
    ...(settings.dpop && { dpop_bound_access_tokens: true }),
  };
}

// Waits for the first request to the redirect URI; whoever awaits it must answer the browser through `reply`.
async function listen() {
  const { hostname, port, pathname } = new URL(settings.redirectUri);
  const server = http.createServer();
  const callback = new Promise((resolve, reject) => {
    const late = () => reject(new Failure(`no callback within ${settings.timeout / 1000} s`));
    const timer = setTimeout(late, settings.timeout);
    server.on("request", async (request, response) => {
      const url = new URL(request.url, settings.redirectUri);
      if (url.pathname !== pathname) return response.writeHead(404).end();
      clearTimeout(timer);
      const body = request.method === "POST" ? Buffer.concat(await request.toArray()) : undefined;
      resolve({
        // A Request for form_post, a URL otherwise.
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
async function verifyAccessToken(moves, token) {
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(moves.metadata.jwks_uri)), {
    issuer: moves.metadata.issuer,
    typ: "at+jwt",
    algorithms: [settings.signedWith],
    requiredClaims: ["aud", "exp", "iat", "jti", "sub", "client_id"],
  });
  demand(payload.client_id === moves.clientId, `access token: client_id is ${payload.client_id}`);
  // RFC 9449 section 6.1.
  demand(payload.cnf?.jkt === moves.thumbprint, `access token: cnf is ${JSON.stringify(payload.cnf)}`);
  demandCompany(payload, "access token");
  await moves.serve?.(token, payload.aud);
  return payload;
}

function demandSamePerson(first, second, where) {
  for (const claim of ["sub", "company_id", "auth_time"]) {
    demand(first[claim] === second[claim], `${where}: ${claim} changed from ${first[claim]} to ${second[claim]}`);
  }
}

// A bound token must be worth nothing to whoever only read it (RFC 9449 section 7.2).
async function demandBound(moves, token) {
  const answer = await fetch(moves.metadata.userinfo_endpoint, { headers: { Authorization: `Bearer ${token}` } });
  demand(answer.status === 401, `userinfo: a bound token as bearer gives ${answer.status}`);
}

// What must no longer work once the refresh token is revoked. Gives the state of the access token, which may live on.
async function revoke(moves, tokens, sub) {
  await step("revoke", () => moves.revoke(tokens.refresh_token, "refresh_token"));
  const refused = await moves.refresh(tokens.refresh_token).then(() => null, (error) => error);
  demand(refused, "revoke: the revoked refresh token still works");
  demand(refused.error === "invalid_grant", `revoke: expected invalid_grant, got ${describe(refused)}`);
  const userinfo = await moves.userinfo(tokens.access_token, sub).then(() => "accepted", () => "refused");
  return { refresh_token: refused.error, access_token: userinfo };
}

async function redeem(moves, answer) {
  const { tokens, claims } = await step("code", () => moves.redeem(answer));
  demand(claims, "code: no id_token");
  demandCompany(claims, "id_token");
  const access = await step("access token", () => verifyAccessToken(moves, tokens.access_token));
  demandSamePerson(claims, access, "access token");
  const userinfo = await step("userinfo", () => moves.userinfo(tokens.access_token, claims.sub));
  if (settings.dpop) await demandBound(moves, tokens.access_token);
  const result = {
    client_id: moves.clientId,
    callback: Object.fromEntries([...answer.parameters].filter(([name]) => name !== "code")),
    token_response: { token_type: tokens.token_type, expires_in: tokens.expires_in, scope: tokens.scope },
    id_token: tokens.id_token,
    id_token_claims: claims,
    access_token_claims: access,
    userinfo,
    end_session: settings.postLogoutRedirectUri ? moves.endSession(tokens.id_token) : null,
    refreshed: null,
    introspection: null,
    revoked: null,
  };
  if (!tokens.refresh_token) {
    demand(!settings.scope.split(" ").includes("offline_access"), "code: offline_access was asked for, no refresh_token came");
    return result;
  }

  const { tokens: fresh, claims: freshClaims } = await step("refresh", () => moves.refresh(tokens.refresh_token));
  const freshAccess = await step("refreshed access token", () => verifyAccessToken(moves, fresh.access_token));
  demandSamePerson(access, freshAccess, "refreshed access token");
  demand(freshAccess.jti !== access.jti, "refresh: the same access token came back");
  if (freshClaims) demandSamePerson(claims, freshClaims, "refreshed id_token");
  result.refreshed = {
    access_token_claims: freshAccess,
    id_token_claims: freshClaims ?? null,
    rotated: Boolean(fresh.refresh_token) && fresh.refresh_token !== tokens.refresh_token,
  };
  const current = { access_token: fresh.access_token, refresh_token: fresh.refresh_token ?? tokens.refresh_token };

  // RFC 7662 2.1: introspection needs an authenticated caller, so a public client has nothing to ask with.
  if (moves.confidential) {
    const introspection = await step("introspect", () => moves.introspect(current.access_token));
    demand(introspection.active === true, "introspect: a fresh access token is not active");
    demand(introspection.sub === claims.sub, `introspect: sub is ${introspection.sub}`);
    demandCompany(introspection, "introspect");
    result.introspection = introspection;
  }
  result.revoked = await revoke(moves, current, claims.sub);
  if (moves.confidential) {
    const after = await step("introspect", () => moves.introspect(current.refresh_token));
    demand(after.active === false, "introspect: the revoked refresh token is still active");
  }
  return result;
}

async function play(connect) {
  const { issuer, clientId, initialAccessToken, redirectUri } = settings;
  demand(issuer, "set ISSUER");
  demand(clientId || initialAccessToken, "set CLIENT_ID, or INITIAL_ACCESS_TOKEN to register one");
  demand(redirectUri, "set REDIRECT_URI");
  const moves = await step("discovery", connect);
  const listener = await step("callback listener", listen);
  try {
    const authorize = await step("authorization request", () => moves.authorize());
    console.log(JSON.stringify({ authorize: authorize.href }));
    const answer = await listener.callback;
    try {
      const result = await redeem(moves, answer);
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

// `connect` finds the provider and gives the moves: `metadata clientId confidential thumbprint` and the functions `authorize
// redeem userinfo refresh introspect revoke endSession`, and `serve` where the library can also stand before an API.
export function run(connect) {
  play(connect).catch((error) => {
    console.error(error instanceof Failure ? error.message : describe(error));
    process.exitCode = 1;
  });
}
