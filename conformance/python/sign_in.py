"""A complete relying party on Authlib, the library most Python apps use."""

from urllib.parse import urlencode

import party
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import import_key
from party import CLIENT_ID, CLIENT_KEY, CLIENT_SECRET, ISSUER, REDIRECT_URI, SCOPE, Refused, demand


def discover():
    answer = requests.get(get_well_known_url(ISSUER, external=True), timeout=30)
    answer.raise_for_status()
    metadata = OpenIDProviderMetadata(answer.json())
    # OpenID Connect Discovery 4.3: the issuer found is exactly the issuer asked for.
    demand(metadata["issuer"] == ISSUER, f"discovery: issuer is {metadata['issuer']}, not {ISSUER}")
    if ISSUER.startswith("https://"):
        metadata.validate()
    return metadata


class Authlib(party.Party):
    def __init__(self):
        super().__init__()
        self.metadata = discover()
        self.state, self.nonce, self.verifier = generate_token(43), generate_token(43), generate_token(64)
        method = party.auth_method()
        self.session = OAuth2Session(
            CLIENT_ID,
            import_key(CLIENT_KEY) if CLIENT_KEY else CLIENT_SECRET,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
            scope=SCOPE,
            redirect_uri=REDIRECT_URI,
            code_challenge_method="S256",
            default_timeout=30,
        )
        # Without an address of its own, each assertion is meant for the endpoint that it is sent to.
        if CLIENT_KEY:
            self.session.register_client_auth_method(PrivateKeyJWT(headers={"kid": CLIENT_KEY["kid"]}, alg=CLIENT_KEY["alg"]))
        elif method == "client_secret_jwt":
            self.session.register_client_auth_method(ClientSecretJWT())

    def authorize(self):
        url, _ = self.session.create_authorization_url(
            self.metadata["authorization_endpoint"],
            state=self.state,
            nonce=self.nonce,
            code_verifier=self.verifier,
            **party.AUTHORIZE_PARAMS,
        )
        return url

    def redeem(self, parameters):
        # RFC 9207 2.4: an answer that another provider could have sent is not taken.
        expected = self.metadata.get("authorization_response_iss_parameter_supported")
        if expected or "iss" in parameters:
            demand(parameters.get("iss") == ISSUER, f"callback: iss is {parameters.get('iss')}, not {ISSUER}")
        demand(parameters.get("state") == self.state, "callback: state is not the one that was sent")
        tokens = self.session.fetch_token(
            self.metadata["token_endpoint"],
            authorization_response=f"{REDIRECT_URI}?{urlencode(parameters)}",
            state=self.state,
            code_verifier=self.verifier,
        )
        return dict(tokens), self.read_id_token(tokens, self.nonce)

    def read_id_token(self, tokens, nonce):
        if "id_token" not in tokens:
            return None
        token = jwt.decode(tokens["id_token"], self.keys(), algorithms=[party.SIGNED_WITH])
        claims = CodeIDToken(
            token.claims,
            token.header,
            {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": CLIENT_ID}},
            {"nonce": nonce, "client_id": CLIENT_ID, "access_token": tokens["access_token"]},
        )
        claims.validate(leeway=0)
        return dict(claims)

    def userinfo(self, _access_token):
        answer = self.session.get(self.metadata["userinfo_endpoint"])
        demand(answer.ok, f"userinfo: {answer.status_code} {answer.text}")
        return answer.json()

    def refresh(self, refresh_token):
        # Authlib would send the scope again; asking for the same is allowed (RFC 6749 section 6).
        try:
            tokens = self.session.refresh_token(self.metadata["token_endpoint"], refresh_token=refresh_token)
        except OAuthError as error:
            raise Refused(error.error) from error
        return dict(tokens), self.read_id_token(tokens, None)

    def introspect(self, token):
        answer = self.session.introspect_token(self.metadata["introspection_endpoint"], token=token)
        demand(answer.status_code == 200, f"introspect: {answer.status_code} {answer.text}")
        return answer.json()

    def revoke(self, refresh_token):
        answer = self.session.revoke_token(
            self.metadata["revocation_endpoint"], token=refresh_token, token_type_hint="refresh_token"
        )
        demand(answer.status_code == 200, f"revoke: {answer.status_code} {answer.text}")

    def end_session(self, id_token):
        parameters = {
            "id_token_hint": id_token,
            "post_logout_redirect_uri": party.POST_LOGOUT_REDIRECT_URI,
            "state": self.state,
        }
        return f"{self.metadata['end_session_endpoint']}?{urlencode(parameters)}"


if __name__ == "__main__":
    party.run(Authlib)
