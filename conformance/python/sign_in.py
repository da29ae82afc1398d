"""A complete relying party on Authlib, the library most Python apps use. It signs one person in, uses everything it was
given, and says what it got. It must never know anything about Countersign that discovery does not say.

stdout: one line {"authorize": url}, and after the callback one line with the result. stderr: why it failed.
"""

import json
import os
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

try:
    import requests
    from authlib.common.security import generate_token
    from authlib.integrations.requests_client import OAuth2Session, OAuthError
    from authlib.oidc.core import CodeIDToken
    from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
    from joserfc import jwt
    from joserfc.jwk import KeySet
except ImportError as missing:
    sys.exit(f"sign_in.py: {missing}. Install what it needs: python3 -m venv .venv && .venv/bin/pip install -r requirements.txt")

ISSUER = os.environ.get("ISSUER", "")
CLIENT_ID = os.environ.get("CLIENT_ID", "")
CLIENT_SECRET = os.environ.get("CLIENT_SECRET") or None
CLIENT_AUTH = os.environ.get("CLIENT_AUTH", "post")
REDIRECT_URI = os.environ.get("REDIRECT_URI", "")
ALLOW_HTTP = os.environ.get("ALLOW_HTTP") == "1"
SCOPE = os.environ.get("SCOPE", "openid profile email phone address offline_access company")
# More authorization parameters, written like a query: `company=techcorp&response_mode=form_post`.
AUTHORIZE_PARAMS = dict(parse_qsl(os.environ.get("AUTHORIZE_PARAMS", "")))
TIMEOUT = int(os.environ.get("TIMEOUT_SECONDS", "120"))
ROLES = {"admin", "manager", "user"}


class Failure(Exception):
    """Something that a person who integrates with the provider would have to fix. The text says what."""


def demand(condition, otherwise):
    if not condition:
        raise Failure(otherwise)


class Callback(HTTPServer):
    """Waits for the first request to the redirect URI. The browser gets its answer only when the sign-in has ended."""

    def __init__(self):
        where = urlsplit(REDIRECT_URI)
        super().__init__((where.hostname, where.port or 80), Answer)
        self.path = where.path
        self.parameters = None
        self.finish = None

    def serve(self, finish):
        self.finish = finish
        deadline = time.monotonic() + TIMEOUT
        while self.parameters is None:
            self.timeout = deadline - time.monotonic()
            demand(self.timeout > 0, f"no callback within {TIMEOUT} s")
            self.handle_request()

    def handle_error(self, request, client_address):
        """A browser that hangs up early, or probes the port, is not the end of the sign-in."""


class Answer(BaseHTTPRequestHandler):
    # A browser opens spare connections and says nothing on them; one of those must not hold up the callback.
    timeout = 2

    def do_GET(self):
        self.receive(urlsplit(self.path).query)

    def do_POST(self):
        self.receive(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def receive(self, form):
        if urlsplit(self.path).path != self.server.path or self.server.parameters is not None:
            self.send_error(404)
            return
        self.server.parameters = dict(parse_qsl(form, keep_blank_values=True))
        body = self.server.finish(self.server.parameters).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Codes must not end up in a log."""


def discover():
    where = get_well_known_url(ISSUER, external=True)
    demand(where.startswith("https://") or ALLOW_HTTP, f"{where} is plain http. ALLOW_HTTP=1 permits that for localhost")
    answer = requests.get(where, timeout=30)
    answer.raise_for_status()
    metadata = OpenIDProviderMetadata(answer.json())
    # OpenID Connect Discovery 4.3: the issuer found is exactly the issuer asked for.
    demand(metadata["issuer"] == ISSUER, f"discovery: issuer is {metadata['issuer']}, not {ISSUER}")
    if ISSUER.startswith("https://"):
        metadata.validate()
    return metadata


def demand_company(claims, where):
    demand(re.fullmatch(r"com_[0-9a-f]{32}", str(claims.get("company_id"))), f"{where}: no company_id")
    demand(isinstance(claims.get("company"), str) and claims["company"], f"{where}: no company")
    roles = claims.get("roles")
    demand(isinstance(roles, list) and roles, f"{where}: no roles")
    demand(set(roles) <= ROLES, f"{where}: unknown role in {roles}")


def demand_same_person(first, second, where):
    for claim in ("sub", "company_id", "auth_time"):
        demand(
            first.get(claim) == second.get(claim),
            f"{where}: {claim} changed from {first.get(claim)} to {second.get(claim)}",
        )


class SignIn:
    def __init__(self, metadata):
        self.metadata = metadata
        self.state, self.nonce, self.verifier = generate_token(43), generate_token(43), generate_token(64)
        method = f"client_secret_{CLIENT_AUTH}" if CLIENT_SECRET else "none"
        self.session = OAuth2Session(
            CLIENT_ID,
            CLIENT_SECRET,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
            scope=SCOPE,
            redirect_uri=REDIRECT_URI,
            code_challenge_method="S256",
            default_timeout=30,
        )
        self.keys = None

    def authorize_url(self):
        url, _ = self.session.create_authorization_url(
            self.metadata["authorization_endpoint"],
            state=self.state,
            nonce=self.nonce,
            code_verifier=self.verifier,
            **AUTHORIZE_PARAMS,
        )
        return url

    def redeem(self, parameters):
        # RFC 9207 2.4: an answer that another provider could have sent is not taken.
        expected = self.metadata.get("authorization_response_iss_parameter_supported")
        if expected or "iss" in parameters:
            demand(parameters.get("iss") == ISSUER, f"callback: iss is {parameters.get('iss')}, not {ISSUER}")
        demand(parameters.get("state") == self.state, "callback: state is not the one that was sent")
        if "error" in parameters:
            raise Failure(f"callback: {parameters['error']} – {parameters.get('error_description', '')}")
        tokens = self.session.fetch_token(
            self.metadata["token_endpoint"],
            authorization_response=f"{REDIRECT_URI}?{urlencode(parameters)}",
            state=self.state,
            code_verifier=self.verifier,
        )
        demand(tokens["token_type"].lower() == "bearer", f"code: token_type is {tokens['token_type']}")
        self.fetch_keys()
        return dict(tokens)

    def fetch_keys(self):
        answer = requests.get(self.metadata["jwks_uri"], timeout=30)
        answer.raise_for_status()
        self.keys = KeySet.import_key_set(answer.json())

    def read_id_token(self, tokens, nonce):
        token = jwt.decode(tokens["id_token"], self.keys, algorithms=["RS256"])
        claims = CodeIDToken(
            token.claims,
            token.header,
            {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": CLIENT_ID}},
            {"nonce": nonce, "client_id": CLIENT_ID, "access_token": tokens["access_token"]},
        )
        claims.validate(leeway=0)
        demand_company(claims, "id_token")
        return dict(claims)

    def read_access_token(self, tokens):
        """RFC 9068 section 4: what a resource server checks. `aud` is the resource's business, so it only has to be there."""
        token = jwt.decode(tokens["access_token"], self.keys, algorithms=["RS256"])
        demand(token.header.get("typ") == "at+jwt", f"access token: typ is {token.header.get('typ')}")
        required = {name: {"essential": True} for name in ("aud", "exp", "iat", "jti", "sub")}
        jwt.JWTClaimsRegistry(
            **required,
            iss={"essential": True, "value": ISSUER},
            client_id={"essential": True, "value": CLIENT_ID},
        ).validate(token.claims)
        demand_company(token.claims, "access token")
        return dict(token.claims)

    def refresh(self, first_access, first_claims):
        old = self.session.token["refresh_token"]
        # Authlib would send the scope again; asking for the same is allowed (RFC 6749 section 6).
        tokens = self.session.refresh_token(self.metadata["token_endpoint"], refresh_token=old)
        access = self.read_access_token(tokens)
        demand_same_person(first_access, access, "refreshed access token")
        demand(access["jti"] != first_access["jti"], "refresh: the same access token came back")
        claims = None
        if "id_token" in tokens:
            claims = self.read_id_token(tokens, None)
            demand_same_person(first_claims, claims, "refreshed id_token")
        return {"access_token_claims": access, "id_token_claims": claims, "rotated": tokens["refresh_token"] != old}

    def introspect(self, token):
        answer = self.session.introspect_token(self.metadata["introspection_endpoint"], token=token)
        demand(answer.status_code == 200, f"introspect: {answer.status_code} {answer.text}")
        return answer.json()

    def revoke(self):
        """What must no longer work once the refresh token is revoked. The access token may live on; its state is reported."""
        refresh_token, access_token = self.session.token["refresh_token"], self.session.token["access_token"]
        answer = self.session.revoke_token(
            self.metadata["revocation_endpoint"], token=refresh_token, token_type_hint="refresh_token"
        )
        demand(answer.status_code == 200, f"revoke: {answer.status_code} {answer.text}")
        try:
            self.session.refresh_token(self.metadata["token_endpoint"], refresh_token=refresh_token)
        except OAuthError as refused:
            demand(refused.error == "invalid_grant", f"revoke: expected invalid_grant, got {refused}")
        else:
            raise Failure("revoke: the revoked refresh token still works")
        userinfo = requests.get(
            self.metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {access_token}"}, timeout=30
        )
        if CLIENT_SECRET:
            demand(self.introspect(refresh_token)["active"] is False, "introspect: the revoked refresh token is active")
        return {"refresh_token": "invalid_grant", "access_token": "accepted" if userinfo.ok else "refused"}

    def run(self, parameters):
        tokens = self.redeem(parameters)
        demand("id_token" in tokens, "code: no id_token")
        claims = self.read_id_token(tokens, self.nonce)
        access = self.read_access_token(tokens)
        demand_same_person(claims, access, "access token")
        answer = self.session.get(self.metadata["userinfo_endpoint"])
        demand(answer.ok, f"userinfo: {answer.status_code} {answer.text}")
        userinfo = answer.json()
        # OpenID Connect Core 5.3.2: userinfo about somebody else must not be used.
        demand(userinfo.get("sub") == claims["sub"], f"userinfo: sub is {userinfo.get('sub')}, not {claims['sub']}")
        result = {
            "callback": {name: value for name, value in parameters.items() if name != "code"},
            "token_response": {name: tokens.get(name) for name in ("token_type", "expires_in", "scope")},
            "id_token": tokens["id_token"],
            "id_token_claims": claims,
            "access_token_claims": access,
            "userinfo": userinfo,
            "refreshed": None,
            "introspection": None,
            "revoked": None,
        }
        if "refresh_token" not in tokens:
            demand("offline_access" not in SCOPE.split(), "code: offline_access was asked for, no refresh_token came")
            return result
        result["refreshed"] = self.refresh(access, claims)
        # RFC 7662 2.1: introspection needs an authenticated caller, so a public client has nothing to ask with.
        if CLIENT_SECRET:
            seen = self.introspect(self.session.token["access_token"])
            demand(seen.get("active") is True, "introspect: a fresh access token is not active")
            demand(seen.get("sub") == claims["sub"], f"introspect: sub is {seen.get('sub')}")
            demand_company(seen, "introspect")
            result["introspection"] = seen
        result["revoked"] = self.revoke()
        return result


def main():
    for name in ("ISSUER", "CLIENT_ID", "REDIRECT_URI"):
        demand(os.environ.get(name), f"set {name}")
    sign_in = SignIn(discover())
    outcome = []

    def finish(parameters):
        try:
            result = sign_in.run(parameters)
        except Exception as error:  # told to the browser here, raised again for the terminal below
            outcome.append(error)
            return f"Sign-in failed: {error}"
        outcome.append(result)
        claims = result["id_token_claims"]
        return f"Signed in at {claims['company']} as {', '.join(claims['roles'])}. You can close this tab."

    with Callback() as callback:
        print(json.dumps({"authorize": sign_in.authorize_url()}), flush=True)
        callback.serve(finish)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    print(json.dumps(outcome[0]), flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"sign_in.py: {failure}")
    except Exception as error:
        sys.exit(f"sign_in.py: {type(error).__name__}: {error}")
