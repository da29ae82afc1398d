// A complete relying party on oauth4webapi, which leaves every step to the app; it also stands before an API and checks the
// access tokens that arrive there.
import * as oauth from "oauth4webapi";
import { demand, registration, run, settings, signingKey } from "./party.mjs";

const relaxed = { [oauth.allowInsecureRequests]: settings.allowHttp };

async function clientAuthentication(secret) {
  if (settings.clientKey) return oauth.PrivateKeyJwt(await signingKey());
  if (!secret) return oauth.None();
  if (settings.clientAuth === "jwt") return oauth.ClientSecretJwt(secret);
  return settings.clientAuth === "post" ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
}

async function register(as) {
  const { initialAccessToken } = settings;
  const answer = await oauth.dynamicClientRegistrationRequest(as, registration(), { ...relaxed, initialAccessToken });
  return oauth.processDynamicClientRegistrationResponse(answer);
}

// RFC 9449 section 8: whoever is told a nonce asks once more with it.
async function ask(send, read) {
  try {
    return await read(await send());
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return read(await send());
  }
}

run(async () => {
  const issuer = new URL(settings.issuer);
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, relaxed));
  const client = settings.initialAccessToken
    ? await register(as)
    : {
        client_id: settings.clientId,
        id_token_signed_response_alg: settings.signedWith,
        ...(settings.signedResponse && { authorization_signed_response_alg: settings.signedWith }),
      };
  const secret = client.client_secret ?? settings.clientSecret;
  const authentication = await clientAuthentication(secret);
  const DPoP = settings.dpop ? oauth.DPoP(client, await oauth.generateKeyPair(settings.dpopAlg)) : undefined;
  const bound = { ...relaxed, DPoP };
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, expectedNonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];

  // The signature of the ID token is checked too, though it came from the token endpoint.
  async function given(answer, process) {
    const tokens = await process(answer);
    if (tokens.id_token) await oauth.validateApplicationLevelSignature(as, answer, relaxed);
    return { tokens, claims: oauth.getValidatedIdTokenClaims(tokens) };
  }

  return {
    metadata: as,
    clientId: client.client_id,
    confidential: Boolean(settings.clientKey || secret),
    thumbprint: await DPoP?.calculateThumbprint(),

    async authorize() {
      let parameters = new URLSearchParams({
        response_type: "code",
        client_id: client.client_id,
        redirect_uri: settings.redirectUri,
        scope: settings.scope,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
        nonce: expectedNonce,
        ...(settings.signedResponse && { response_mode: "jwt" }),
        ...settings.parameters,
      });
      if (settings.signedRequest) {
        const request = await oauth.issueRequestObject(as, client, parameters, await signingKey());
        parameters = new URLSearchParams({ client_id: client.client_id, request });
      }
      if (settings.pushed) {
        const { request_uri } = await ask(
          () => oauth.pushedAuthorizationRequest(as, client, authentication, parameters, bound),
          (answer) => oauth.processPushedAuthorizationResponse(as, client, answer),
        );
        parameters = new URLSearchParams({ client_id: client.client_id, request_uri });
      }
      return new URL(`${as.authorization_endpoint}?${parameters}`);
    },

    async redeem(answer) {
      const validated = settings.signedResponse
        ? await oauth.validateJwtAuthResponse(as, client, answer.parameters, state, relaxed)
        : oauth.validateAuthResponse(as, client, answer.parameters, state);
      const process = (answer) =>
        oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce, requireIdToken: true });
      return ask(
        () =>
          oauth.authorizationCodeGrantRequest(
            as, client, authentication, validated, settings.redirectUri, verifier, bound,
          ),
        (answer) => given(answer, process),
      );
    },

    refresh: (token) =>
      ask(
        () => oauth.refreshTokenGrantRequest(as, client, authentication, token, bound),
        (answer) => given(answer, (answer) => oauth.processRefreshTokenResponse(as, client, answer)),
      ),
    userinfo: (token, sub) =>
      ask(
        () => oauth.userInfoRequest(as, client, token, bound),
        (answer) => oauth.processUserInfoResponse(as, client, sub, answer),
      ),
    introspect: async (token) =>
      oauth.processIntrospectionResponse(
        as, client, await oauth.introspectionRequest(as, client, authentication, token, relaxed),
      ),
    revoke: async (token, hint) =>
      oauth.processRevocationResponse(
        await oauth.revocationRequest(as, client, authentication, token, {
          ...relaxed,
          additionalParameters: { token_type_hint: hint },
        }),
      ),
    endSession(idToken) {
      const parameters = new URLSearchParams({
        client_id: client.client_id,
        id_token_hint: idToken,
        post_logout_redirect_uri: settings.postLogoutRedirectUri,
        state,
      });
      return `${as.end_session_endpoint}?${parameters}`;
    },

    // The request that an API would receive, and what the library says of it there.
    async serve(token, audience) {
      const api = new URL("https://api.example/notes");
      let received;
      const fetch = async (url, options) => {
        received = new Request(url, options);
        return new Response();
      };
      const custom = { ...bound, [oauth.customFetch]: fetch };
      await oauth.protectedResourceRequest(token, "GET", api, undefined, undefined, custom);
      const expected = [audience].flat()[0];
      const claims = await oauth.validateJwtAccessToken(as, received, expected, { ...relaxed, requireDPoP: settings.dpop });
      demand(claims.client_id === client.client_id, `API: client_id is ${claims.client_id}`);
    },
  };
});
