"""What a relying party does and demands, whatever library it stands on: one sign-in, then everything that was given is used.
The library's own file makes the moves. Nothing here may know anything about Countersign that discovery does not say.

stdout: one line {"authorize": url}, and after the callback one line with the result. stderr: why it failed.
"""

import json
import os
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

try:
    import requests
    from joserfc import jwt
    from joserfc.jwk import KeySet
except ImportError as missing:
    sys.exit(f"{missing}. Install what it needs: python3 -m venv .venv && .venv/bin/pip install -r requirements.txt")

ISSUER = os.environ.get("ISSUER", "")
CLIENT_ID = os.environ.get("CLIENT_ID", "")
CLIENT_SECRET = os.environ.get("CLIENT_SECRET") or None
CLIENT_AUTH = os.environ.get("CLIENT_AUTH", "post")
# A private JWK, for private_key_jwt.
CLIENT_KEY = json.loads(os.environ.get("CLIENT_KEY") or "null")
REDIRECT_URI = os.environ.get("REDIRECT_URI", "")
POST_LOGOUT_REDIRECT_URI = os.environ.get("POST_LOGOUT_REDIRECT_URI")
INITIAL_ACCESS_TOKEN = os.environ.get("INITIAL_ACCESS_TOKEN")
ALLOW_HTTP = os.environ.get("ALLOW_HTTP") == "1"
SCOPE = os.environ.get("SCOPE", "openid profile email phone address offline_access company")
# More authorization parameters, written like a query: `company=techcorp&response_mode=form_post`.
AUTHORIZE_PARAMS = dict(parse_qsl(os.environ.get("AUTHORIZE_PARAMS", "")))
SIGNED_WITH = os.environ.get("SIGNED_WITH", "RS256")
TIMEOUT = int(os.environ.get("TIMEOUT_SECONDS", "120"))
ROLES = {"admin", "manager", "user"}


class Failure(Exception):
    """Something that a person who integrates with the provider would have to fix. The text says what."""


class Refused(Exception):
    """The provider's error code, where a library's own exception says less."""


def demand(condition, otherwise):
    if not condition:
        raise Failure(otherwise)


def auth_method():
    if CLIENT_KEY:
        return "private_key_jwt"
    return f"client_secret_{CLIENT_AUTH}" if CLIENT_SECRET or INITIAL_ACCESS_TOKEN else "none"


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


class Party:
    """A relying party. A library's file fills in the moves: `metadata` and `client_id`, set by the constructor, and the
    functions `authorize redeem userinfo refresh introspect revoke end_session`. Tokens are dicts, `refresh` raises `Refused`.
    """

    metadata = {}
    client_id = CLIENT_ID
    confidential = auth_method() != "none"

    def __init__(self):
        self._keys = None

    def keys(self):
        if self._keys is None:
            answer = requests.get(self.metadata["jwks_uri"], timeout=30)
            answer.raise_for_status()
            self._keys = KeySet.import_key_set(answer.json())
        return self._keys

    def read_access_token(self, tokens):
        """RFC 9068 section 4: what a resource server checks. `aud` is the resource's business, so it only has to be there."""
        token = jwt.decode(tokens["access_token"], self.keys(), algorithms=[SIGNED_WITH])
        demand(token.header.get("typ") == "at+jwt", f"access token: typ is {token.header.get('typ')}")
        required = {name: {"essential": True} for name in ("aud", "exp", "iat", "jti", "sub")}
        jwt.JWTClaimsRegistry(
            **required,
            iss={"essential": True, "value": ISSUER},
            client_id={"essential": True, "value": self.client_id},
        ).validate(token.claims)
        demand_company(token.claims, "access token")
        return dict(token.claims)

    def run(self, parameters):
        tokens, claims = self.redeem(parameters)
        demand(claims, "code: no id_token")
        demand(tokens["token_type"].lower() == "bearer", f"code: token_type is {tokens['token_type']}")
        demand_company(claims, "id_token")
        access = self.read_access_token(tokens)
        demand_same_person(claims, access, "access token")
        userinfo = self.userinfo(tokens["access_token"])
        # OpenID Connect Core 5.3.2: userinfo about somebody else must not be used.
        demand(userinfo.get("sub") == claims["sub"], f"userinfo: sub is {userinfo.get('sub')}, not {claims['sub']}")
        result = {
            "client_id": self.client_id,
            "callback": {name: value for name, value in parameters.items() if name != "code"},
            "token_response": {name: tokens.get(name) for name in ("token_type", "expires_in", "scope")},
            "id_token": tokens["id_token"],
            "id_token_claims": claims,
            "access_token_claims": access,
            "userinfo": userinfo,
            "end_session": self.end_session(tokens["id_token"]) if POST_LOGOUT_REDIRECT_URI else None,
            "refreshed": None,
            "introspection": None,
            "revoked": None,
        }
        if not tokens.get("refresh_token"):
            demand("offline_access" not in SCOPE.split(), "code: offline_access was asked for, no refresh_token came")
            return result
        old = tokens["refresh_token"]
        tokens, fresh_claims = self.refresh(old)
        fresh = self.read_access_token(tokens)
        demand_same_person(access, fresh, "refreshed access token")
        demand(fresh["jti"] != access["jti"], "refresh: the same access token came back")
        if fresh_claims:
            demand_same_person(claims, fresh_claims, "refreshed id_token")
        refresh_token = tokens.get("refresh_token") or old
        result["refreshed"] = {
            "access_token_claims": fresh,
            "id_token_claims": fresh_claims,
            "rotated": refresh_token != old,
        }
        # RFC 7662 2.1: introspection needs an authenticated caller, so a public client has nothing to ask with.
        if self.confidential:
            seen = self.introspect(tokens["access_token"])
            demand(seen.get("active") is True, "introspect: a fresh access token is not active")
            demand(seen.get("sub") == claims["sub"], f"introspect: sub is {seen.get('sub')}")
            demand_company(seen, "introspect")
            result["introspection"] = seen
        result["revoked"] = self.revoke_all(refresh_token, tokens["access_token"])
        return result

    def revoke_all(self, refresh_token, access_token):
        """What must no longer work once the refresh token is revoked. The access token may live on; its state is reported."""
        self.revoke(refresh_token)
        try:
            self.refresh(refresh_token)
        except Refused as refused:
            demand(str(refused) == "invalid_grant", f"revoke: expected invalid_grant, got {refused}")
        else:
            raise Failure("revoke: the revoked refresh token still works")
        userinfo = requests.get(
            self.metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {access_token}"}, timeout=30
        )
        if self.confidential:
            demand(self.introspect(refresh_token)["active"] is False, "introspect: the revoked refresh token is active")
        return {"refresh_token": "invalid_grant", "access_token": "accepted" if userinfo.ok else "refused"}


def play(connect):
    for name, value in (("ISSUER", ISSUER), ("CLIENT_ID", CLIENT_ID or INITIAL_ACCESS_TOKEN), ("REDIRECT_URI", REDIRECT_URI)):
        demand(value, f"set {name}")
    demand(ISSUER.startswith("https://") or ALLOW_HTTP, f"{ISSUER} is plain http. ALLOW_HTTP=1 permits that for localhost")
    party = connect()
    outcome = []

    def finish(parameters):
        try:
            result = party.run(parameters)
        except Exception as error:  # told to the browser here, raised again for the terminal below
            outcome.append(error)
            return f"Sign-in failed: {error}"
        outcome.append(result)
        claims = result["id_token_claims"]
        return f"Signed in at {claims['company']} as {', '.join(claims['roles'])}. You can close this tab."

    with Callback() as callback:
        print(json.dumps({"authorize": party.authorize()}), flush=True)
        callback.serve(finish)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    print(json.dumps(outcome[0]), flush=True)


def run(connect):
    """Plays one sign-in with the party that `connect` makes."""
    try:
        play(connect)
    except Failure as failure:
        sys.exit(str(failure))
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
