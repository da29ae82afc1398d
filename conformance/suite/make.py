"""Writes plans/*.json and runs.txt: one configuration of the OpenID conformance suite per plan. They differ in their clients and
in what the suite's browser has to do; both are told here once. Run it again after a change: `python3 make.py`.

A client block has what registers it under "register" (RFC 7591, with "profile" beside it); register.py does that, fills in
client_id, client_secret and keys, and takes "register" away.
"""

import json
import sys
from pathlib import Path

# Another folder may be named, to compare.
WHERE = Path(sys.argv[1]) if __name__ == "__main__" and len(sys.argv) > 1 else Path(__file__).parent
ISSUER = "https://localhost:8000"
SUITE = "https://localhost.emobix.co.uk:8443"
# A demo account (`countersign seed`); it has every standard claim, and no second factor.
EMAIL, PASSWORD = "admin@techcorp.com", "SecurePass123!"

AUTHORIZE, LOGIN, CONSENT, LOGOUT = "/oauth2/authorize*", "/login?*", "/login/consent*", "/oauth2/logout*"
SHOT, SHOT_IF_ANY = "update-image-placeholder", "update-image-placeholder-optional"


# ---- What the suite's browser does


def task(name, path, *commands, optional=False):
    made = {"task": name, "match": path if path.startswith("*") else ISSUER + path, "commands": list(commands)}
    return {**made, "optional": True} if optional else made


def shot(text, kind=SHOT):
    return ["wait", "xpath", "//*", 10, text, kind]


def login(*before):
    # "optional" on the fields: a page that asks for the password only, or offers to continue, has none of them.
    return task(
        "Sign in",
        LOGIN,
        *before,
        ["text", "id", "email", EMAIL, "optional"],
        ["text", "id", "password", PASSWORD, "optional"],
        ["click", "id", "login"],
        optional=True,
    )


ALLOW = task("Allow", CONSENT, ["click", "id", "allow"], optional=True)
DENY = task("Deny", CONSENT, ["click", "id", "deny"])
BACK = task("Back at the suite", "*/test/*/callback*", ["wait", "id", "submission_complete", 10])


def visit(path, *tasks):
    return {"match": ISSUER + path, "tasks": list(tasks)}


SIGN_IN = visit(AUTHORIZE, login(), ALLOW, BACK)
CONFIRM = task("Confirm", LOGOUT, ["click", "id", "logout", "optional"], optional=True)
SIGN_OUT = visit(LOGOUT, CONFIRM, task("Back at the suite", "*/test/*/post_logout_redirect*"))
# With iframes of other apps the page waits for them before it goes on.
SIGN_OUT_EVERYWHERE = visit(
    LOGOUT, task("Back at the suite", LOGOUT, ["wait", "contains", "/post_logout_redirect", 15], optional=True)
)
CHECK_SESSION = {
    "match": f"{SUITE}/test/*session_verify*",
    "tasks": [task("Wait for the answer of our frame", "*session_verify*", ["wait", "contains", "session_result", 15])],
}


def sees(path, text):
    """A page of ours that a person must look at; the suite keeps its picture."""
    return visit(path, task("Keep a picture", path, shot(text)))


ERROR = "Something went wrong"
ERROR_PAGE = [sees(AUTHORIZE, ERROR)]
LOGIN_PAGE = [visit(AUTHORIZE, task("Keep a picture", LOGIN, shot("Sign in")))]
LOGIN_AGAIN = [visit(AUTHORIZE, login(shot("Sign in", SHOT_IF_ANY)), ALLOW, BACK)]


SIGNED_OUT = [SIGN_IN, visit(LOGOUT, CONFIRM, task("Keep a picture", LOGOUT, shot("Signed out")))]


def override(pages):
    return {module: {"browser": browser} for module, browser in pages.items()}


CORE = {
    "oidcc-prompt-login": LOGIN_AGAIN,
    "oidcc-max-age-1": LOGIN_AGAIN,
    "oidcc-ensure-registered-redirect-uri": ERROR_PAGE,
    "oidcc-ensure-redirect-uri-in-authorization-request": ERROR_PAGE,
    "oidcc-redirect-uri-query-added": ERROR_PAGE,
    "oidcc-redirect-uri-query-mismatch": ERROR_PAGE,
    "oidcc-registration-logo-uri": LOGIN_PAGE,
    "oidcc-registration-policy-uri": LOGIN_PAGE,
    "oidcc-registration-tos-uri": LOGIN_PAGE,
}
REFUSED_LOGOUT = [SIGN_IN, sees(LOGOUT, ERROR)]
LOGOUT_PAGES = {
    "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri": REFUSED_LOGOUT,
    "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": REFUSED_LOGOUT,
    "oidcc-rp-initiated-logout-modified-id-token-hint": REFUSED_LOGOUT,
    "oidcc-rp-initiated-logout-bad-id-token-hint": REFUSED_LOGOUT,
    # With client_id the person would be led back after they agreed; the picture is of the question.
    "oidcc-rp-initiated-logout-no-id-token-hint": [SIGN_IN, sees(LOGOUT, "Sign out\\?|Something went wrong")],
    "oidcc-rp-initiated-logout-no-params": SIGNED_OUT,
    "oidcc-rp-initiated-logout-no-post-logout-redirect-uri": SIGNED_OUT,
    "oidcc-rp-initiated-logout-only-state": SIGNED_OUT,
}
FAPI = "fapi2-security-profile-final-"
FAPI_PAGES = {
    f"{FAPI}user-rejects-authentication": [visit(AUTHORIZE, login(), DENY, BACK)],
    f"{FAPI}ensure-unsigned-authorization-request-without-using-par-fails": ERROR_PAGE,
    f"{FAPI}par-attempt-to-use-expired-request_uri": ERROR_PAGE,
    f"{FAPI}par-attempt-to-use-request_uri-for-different-client": ERROR_PAGE,
    # The first visit only opens the page; the same reference must still work afterwards.
    f"{FAPI}par-ensure-reused-request-uri-prior-to-auth-completion-succeeds": [
        {**visit(AUTHORIZE, task("Look, and leave", LOGIN, shot("Sign in", SHOT_IF_ANY), optional=True)), "match-limit": 1},
        SIGN_IN,
    ],
    f"{FAPI}par-attempt-reuse-request_uri": [{**SIGN_IN, "match-limit": 1}, *ERROR_PAGE],
}


# ---- Clients


def client(alias, place, **more):
    profile = more.pop("profile", "standard")
    register = {
        "client_name": f"Conformance suite, {alias}, {place}",
        "redirect_uris": [f"{SUITE}/test/a/{alias}/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        **more,
    }
    # The suite sends the second client to the same address with this query.
    if place == "client2":
        register["redirect_uris"].append(f"{SUITE}/test/a/{alias}/callback?dummy1=lorem&dummy2=ipsum")
    return {"profile": profile, "register": register}


def clients(alias, **more):
    return {place: client(alias, place, **more) for place in ("client", "client2")}


def logout_uris(alias, **more):
    return {"post_logout_redirect_uris": [f"{SUITE}/test/a/{alias}/post_logout_redirect"], **more}


def fapi_clients(alias, method, bound):
    register = {
        "profile": "high",
        "token_endpoint_auth_method": "self_signed_tls_client_auth" if method == "mtls" else method,
        "id_token_signed_response_alg": "PS256",
        "authorization_signed_response_alg": "PS256",
        "dpop_bound_access_tokens": bound == "dpop",
        "tls_client_certificate_bound_access_tokens": bound == "mtls",
    }
    return {place: {**block, "scope": "openid email offline_access"} for place, block in clients(alias, **register).items()}


# The suite registers these itself; register.py gives them an initial access token.
DYNAMIC = {place: {"client_name": f"Conformance suite, {place}"} for place in ("client", "client2")}


# ---- Plans


def plan(name, variant, parts, browser=(SIGN_IN,), pages=CORE):
    alias = f"countersign-{name}"
    made = {
        # Where clients are made as needed, each module has its own address, and several may run at once.
        **({} if parts is dynamic else {"alias": alias}),
        "description": f"Countersign, {name}",
        "server": {"discoveryUrl": f"{ISSUER}/.well-known/openid-configuration", "login_hint": EMAIL},
        **parts(alias),
        "browser": list(browser),
        "override": override(pages),
    }
    (WHERE / "plans" / f"{name}.json").write_text(json.dumps(made, indent=2) + "\n")
    return f"{variant} {name}.json"


def static(**more):
    return lambda alias: {
        **clients(alias, **more),
        "client_secret_post": client(alias, "client_secret_post", token_endpoint_auth_method="client_secret_post", **more),
    }


def leaving(**more):
    return lambda alias: clients(alias, **logout_uris(alias, **{name: url.format(alias) for name, url in more.items()}))


def fapi(method, bound):
    return lambda alias: {
        **fapi_clients(alias, method, bound),
        "resource": {"resourceUrl": f"{ISSUER}/oauth2/userinfo", "resourceMethod": "GET"},
    }


def dynamic(_alias):
    return dict(DYNAMIC)


DISCOVERED = "[server_metadata=discovery][client_registration={}]"
BY_CODE = "[client_registration=static_client][response_type=code]"
SIGNED = "[fapi_request_method=signed_non_repudiation][fapi_response_mode=jarm]"


def main():
    (WHERE / "plans").mkdir(parents=True, exist_ok=True)
    runs = [
        plan("oidcc-config", "oidcc-config-certification-test-plan", lambda _: {}, pages={}),
        plan("oidcc-basic", "oidcc-basic-certification-test-plan" + DISCOVERED.format("static_client"), static()),
        plan("oidcc-basic-dynamic", "oidcc-basic-certification-test-plan" + DISCOVERED.format("dynamic_client"), dynamic),
        plan("oidcc-formpost-basic", "oidcc-formpost-basic-certification-test-plan" + DISCOVERED.format("static_client"), static()),
        plan("oidcc-dynamic", "oidcc-dynamic-certification-test-plan[response_type=code]", dynamic),
        plan("oidcc-3rdparty-init-login", "oidcc-3rdparty-init-login-certification-test-plan[response_type=code]", dynamic),
        plan("oidcc-rp-initiated-logout", "oidcc-rp-initiated-logout-certification-test-plan" + BY_CODE,
             leaving(), (SIGN_IN, SIGN_OUT), LOGOUT_PAGES),
        plan("oidcc-backchannel-logout", "oidcc-backchannel-rp-initiated-logout-certification-test-plan" + BY_CODE,
             leaving(backchannel_logout_uri=SUITE + "/test/a/{}/backchannel_logout"), (SIGN_IN, SIGN_OUT), {}),
        plan("oidcc-frontchannel-logout", "oidcc-frontchannel-rp-initiated-logout-certification-test-plan" + BY_CODE,
             leaving(frontchannel_logout_uri=SUITE + "/test/a/{}/frontchannel_logout"), (SIGN_IN, SIGN_OUT_EVERYWHERE), {}),
        plan("oidcc-session-management", "oidcc-session-management-certification-test-plan" + BY_CODE,
             leaving(), (SIGN_IN, SIGN_OUT, CHECK_SESSION), {}),
    ]
    for title, signed in (("security-profile", ""), ("message-signing", SIGNED)):
        for method in ("private_key_jwt", "mtls"):
            for bound in ("dpop", "mtls"):
                variant = f"[client_auth_type={method}][sender_constrain={bound}][fapi_profile=plain_fapi][openid=openid_connect]"
                name = f"fapi2-{title}-{method.replace('_', '-')}-{bound}"
                runs.append(plan(name, f"fapi2-{title}-final-test-plan{variant}{signed}", fapi(method, bound), pages=FAPI_PAGES))
    # What certification plans leave out: each way of proving, and the response types without a token in the front channel.
    for method in ("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"):
        for kind in ("code", "code\\ id_token", "id_token"):
            for mode in ("default", "form_post"):
                variant = f"[client_auth_type={method}][response_type={kind}][response_mode={mode}][client_registration=dynamic_client]"
                runs.append(f"oidcc-test-plan{variant} oidcc-dynamic.json")
    (WHERE / "runs.txt").write_text("".join(f"{run}\n" for run in runs))


if __name__ == "__main__":
    main()
