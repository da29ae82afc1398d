"""A complete relying party on idpyoidc, which pyoidc and oidcrp became. It checks what it is told against typed messages."""

import logging

import party
from cryptojwt.jwk.jwk import key_from_jwk_dict
from cryptojwt.key_bundle import KeyBundle
from cryptojwt.key_jar import KeyJar
from idpyoidc.client.defaults import DEFAULT_OIDC_SERVICES
from idpyoidc.client.oauth2.stand_alone_client import StandAloneClient
from idpyoidc.message.oauth2 import is_error_message
from party import CLIENT_KEY, ISSUER, SCOPE, Refused, demand

SERVICES = {
    **DEFAULT_OIDC_SERVICES,
    "introspection": {"class": "idpyoidc.client.oauth2.introspection.Introspection"},
    "token_revocation": {"class": "idpyoidc.client.oauth2.token_revocation.TokenRevocation"},
    "end_session": {"class": "idpyoidc.client.oidc.end_session.EndSession"},
}
PKCE = {
    "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
}


def configuration():
    config = {
        "issuer": ISSUER,
        "base_url": party.REDIRECT_URI.rsplit("/", 1)[0],
        "client_type": "oidc",
        "redirect_uris": [party.REDIRECT_URI],
        "scope": SCOPE.split(),
        "scopes_supported": SCOPE.split(),
        "response_types_supported": ["code"],
        "token_endpoint_auth_methods_supported": [party.auth_method()],
        "client_authn_methods": [party.auth_method(), "bearer_header"],
        "id_token_signing_alg_values_supported": [party.SIGNED_WITH],
        "allow": {"missing_kid": False},
        "add_ons": {"pkce": PKCE},
    }
    if party.CLIENT_ID:
        config["client_id"] = party.CLIENT_ID
    if party.CLIENT_SECRET:
        config["client_secret"] = party.CLIENT_SECRET
    if CLIENT_KEY:
        config["token_endpoint_auth_signing_alg_values_supported"] = [CLIENT_KEY["alg"]]
    elif party.auth_method() == "client_secret_jwt":
        config["token_endpoint_auth_signing_alg_values_supported"] = ["HS256"]
    if party.POST_LOGOUT_REDIRECT_URI:
        config["post_logout_redirect_uris"] = [party.POST_LOGOUT_REDIRECT_URI]
    return config


def keys():
    jar = KeyJar()
    if CLIENT_KEY:
        bundle = KeyBundle()
        bundle.append(key_from_jwk_dict(CLIENT_KEY))
        jar.add_kb("", bundle)
    if party.CLIENT_SECRET:
        jar.add_symmetric("", party.CLIENT_SECRET)
    return jar


class IdPyOidc(party.Party):
    def __init__(self):
        super().__init__()
        # It would log what it also raises.
        logging.getLogger("idpyoidc").addHandler(logging.NullHandler())
        self.client = StandAloneClient(
            config=configuration(), services=SERVICES, keyjar=keys(), httpc_params={"timeout": 30}, client_type="oidc"
        )
        self.client.do_provider_info()
        if party.INITIAL_ACCESS_TOKEN:
            self.register()
        else:
            self.client.do_client_registration()
        self.metadata = self.client.get_context().provider_info.to_dict()
        self.client_id = self.client.get_client_id()
        self.state = None

    def register(self):
        """The library sends no initial access token by itself, derives `grant_types` from response types only, and does not know
        that `scope` is one text (RFC 7591 2).
        """

        def with_refresh_token(request, **_):
            request["grant_types"] = ["authorization_code", "refresh_token"]
            return request

        def split(answer, **_):
            answer["scope"] = answer.get("scope", "").split()
            return answer

        header = {"Authorization": f"Bearer {party.INITIAL_ACCESS_TOKEN}"}
        service = self.client.get_service("registration")
        service.construct_extra_headers.append(lambda _context, headers, **_: {**headers, **header})
        service.post_construct.append(with_refresh_token)
        service.post_parse_response = split
        self.client.do_client_registration()

    def authorize(self):
        return self.client.init_authorization(req_args={"scope": SCOPE.split(), **party.AUTHORIZE_PARAMS})

    def redeem(self, parameters):
        answer = self.client.finalize_auth(parameters)
        demand(not is_error_message(answer), f"callback: {answer.to_dict()}")
        self.state = answer["state"]
        return self.given(self.client.get_tokens(self.state))

    def given(self, answer):
        demand(not is_error_message(answer), f"token endpoint: {answer.to_dict()}")
        tokens, claims = answer.to_dict(), answer.get("__verified_id_token")
        tokens["scope"] = " ".join(answer.get("scope", []))
        tokens["id_token"] = self.client.get_context().cstate.get_claim(self.state, "id_token")
        return tokens, claims.to_dict() if claims else None

    def userinfo(self, access_token):
        return self.client.get_user_info(self.state, access_token=access_token).to_dict()

    def ask(self, service, body_type="", **request):
        return self.client.do_request(
            service,
            request_args=request,
            response_body_type=body_type,
            state=self.state,
            authn_method=party.auth_method(),
        )

    def refresh(self, refresh_token):
        answer = self.ask("refresh_token", refresh_token=refresh_token)
        if is_error_message(answer):
            raise Refused(answer["error"])
        return self.given(answer)

    def introspect(self, token):
        answer = self.ask("introspection", token=token)
        demand(not is_error_message(answer), f"introspect: {answer}")
        return answer.to_dict()

    def revoke(self, refresh_token):
        # RFC 7009 2.2: the body of the answer is ignored. The library would read it, but for html, which it passes on.
        answer = self.ask("token_revocation", token=refresh_token, token_type_hint="refresh_token", body_type="html")
        demand(isinstance(answer, str), f"revoke: {answer}")

    def end_session(self, _id_token):
        return self.client.logout(self.state)["url"]


if __name__ == "__main__":
    party.run(IdPyOidc)
