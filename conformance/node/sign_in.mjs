// A complete relying party on openid-client, the library most Node apps use.
import { calculateJwkThumbprint, exportJWK } from "jose";
import * as client from "openid-client";
import { registration, run, settings, signingKey } from "./party.mjs";

async function clientAuthentication() {
  if (settings.clientKey) return client.PrivateKeyJwt(await signingKey());
  if (settings.initialAccessToken) return undefined; // as registered
  const { clientSecret, clientAuth } = settings;
  if (!clientSecret) return client.None();
  if (clientAuth === "jwt") return client.ClientSecretJwt(clientSecret);
  return clientAuth === "post" ? client.ClientSecretPost(clientSecret) : client.ClientSecretBasic(clientSecret);
}

async function discover() {
  const issuer = new URL(settings.issuer);
  const authentication = await clientAuthentication();
  // The signature of the ID token is checked too, though it came from the token endpoint.
  const execute = [client.enableNonRepudiationChecks];
  if (settings.allowHttp) execute.push(client.allowInsecureRequests);
  if (settings.signedResponse) execute.push(client.useJwtResponseMode);
  if (settings.initialAccessToken) {
    const options = { execute, initialAccessToken: settings.initialAccessToken };
    return client.dynamicClientRegistration(issuer, registration(), authentication, options);
  }
  const metadata = {
    id_token_signed_response_alg: settings.signedWith,
    ...(settings.signedResponse && { authorization_signed_response_alg: settings.signedWith }),
  };
  return client.discovery(issuer, settings.clientId, metadata, authentication, { execute });
}

run(async () => {
  const config = await discover();
  const pair = settings.dpop ? await client.randomDPoPKeyPair(settings.dpopAlg) : undefined;
  const options = pair && { DPoP: client.getDPoPHandle(config, pair) };
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const { client_id } = config.clientMetadata();
  const given = (tokens) => ({ tokens, claims: tokens.claims() });
  return {
    metadata: config.serverMetadata(),
    clientId: client_id,
    confidential: Boolean(settings.clientKey || settings.clientSecret || settings.initialAccessToken),
    thumbprint: pair && (await calculateJwkThumbprint(await exportJWK(pair.publicKey))),

    async authorize() {
      let parameters = {
        redirect_uri: settings.redirectUri,
        scope: settings.scope,
        code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
        code_challenge_method: "S256",
        state: checks.expectedState,
        nonce: checks.expectedNonce,
        ...settings.parameters,
      };
      if (settings.signedRequest) {
        const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, await signingKey());
        if (!settings.pushed) return signed;
        parameters = { request: signed.searchParams.get("request") };
      }
      return settings.pushed
        ? client.buildAuthorizationUrlWithPAR(config, parameters, options)
        : client.buildAuthorizationUrl(config, parameters);
    },
    redeem: (answer) => client.authorizationCodeGrant(config, answer.current, checks, undefined, options).then(given),
    refresh: (token) => client.refreshTokenGrant(config, token, undefined, options).then(given),
    userinfo: (token, sub) => client.fetchUserInfo(config, token, sub, options),
    introspect: (token) => client.tokenIntrospection(config, token),
    revoke: (token, hint) => client.tokenRevocation(config, token, { token_type_hint: hint }),
    endSession: (idToken) =>
      client.buildEndSessionUrl(config, {
        id_token_hint: idToken,
        post_logout_redirect_uri: settings.postLogoutRedirectUri,
        state: checks.expectedState,
      }).href,
  };
});
