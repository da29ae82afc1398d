"""Registers the clients of plans/*.json with a running provider, through its command line, and writes the finished files for the
suite. A second run keeps ids, secrets and keys and only changes what is registered.

    ../python/.venv/bin/python register.py --issuer https://localhost:8000 --suite https://localhost.emobix.co.uk:8443

The command line finds the provider's database as the server does (DATABASE_URL, or the one of its own).
"""

import argparse
import base64
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey
from make import ISSUER, SUITE

HERE = Path(__file__).parent
PLACES = ("client", "client2", "client_secret_post")
MTLS = {"client": "mtls", "client2": "mtls2"}


def signing_key(kid):
    key = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "PS256"}, private=True)
    return key.as_dict(private=True)


def public(jwk):
    return {name: value for name, value in jwk.items() if name not in ("d", "p", "q", "dp", "dq", "qi")}


def certificate(name):
    """A certificate of the client's own, as the suite wants it (PEM)."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"cert": made.public_bytes(pem).decode(), "key": plain.decode()}


def certificate_jwk(pem):
    """RFC 8705 2.2.2: how a certificate of one's own is registered."""
    found = x509.load_pem_x509_certificate(pem.encode())
    key = RSAKey.import_key(found.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    der = found.public_bytes(serialization.Encoding.DER)
    return {**key.as_dict(private=False), "use": "sig", "x5c": [base64.b64encode(der).decode()]}


def prepare(plan, before):
    """Fills keys and certificates in. Gives what is to be registered, per place: profile and metadata."""
    wanted = {}
    for place in PLACES:
        block, known = plan.get(place, {}), before.get(place, {})
        register, profile = block.pop("register", None), block.pop("profile", None)
        if register is None:
            continue
        if profile == "high":
            block["jwks"] = known.get("jwks") or {"keys": [signing_key(f"{plan['alias']}-{place}")]}
            plan[MTLS[place]] = before.get(MTLS[place]) or certificate(f"{plan['alias']}-{place}")
            keys = [public(key) for key in block["jwks"]["keys"]]
            if register["token_endpoint_auth_method"] == "self_signed_tls_client_auth":
                keys.append(certificate_jwk(plan[MTLS[place]]["cert"]))
            register["jwks"] = {"keys": keys}
        for name in ("client_id", "client_secret"):
            if name in known:
                block[name] = known[name]
        wanted[place] = (profile, register)
    return wanted


def countersign(*arguments):
    program = os.environ.get("COUNTERSIGN", str(HERE / "../../target/debug/countersign"))
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"countersign {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def told(output, what):
    found = re.search(rf"^{what}\s+(\S+)", output, re.MULTILINE)
    return found and found.group(1)


def save(block, profile, metadata):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(metadata, file)
        file.flush()
        if "client_id" in block:
            try:
                countersign("client", "change", block["client_id"], "--metadata", file.name)
                return
            except RuntimeError as gone:
                print(f"{block['client_id']} is registered anew: {gone}", file=sys.stderr)
        output = countersign("client", "create", "--metadata", file.name, "--profile", profile)
    block["client_id"] = told(output, "client id")
    if secret := told(output, "client secret"):
        block["client_secret"] = secret


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--issuer", default=ISSUER)
    arguments.add_argument("--suite", default=SUITE, help="where the suite answers")
    arguments.add_argument("--out", type=Path, default=HERE / "out", help="where the finished files go")
    arguments.add_argument("--print", action="store_true", help="only tell what would be registered, a line of JSON per client")
    chosen = arguments.parse_args()
    token = None
    for path in sorted((HERE / "plans").glob("*.json")):
        text = path.read_text().replace(ISSUER, chosen.issuer).replace(SUITE, chosen.suite)
        plan, place = json.loads(text), chosen.out / path.name
        before = json.loads(place.read_text()) if place.exists() and not chosen.print else {}
        wanted = prepare(plan, before)
        if chosen.print:
            for name, (profile, metadata) in wanted.items():
                print(json.dumps({"plan": path.stem, "client": name, "profile": profile, "metadata": metadata}))
            continue
        for name, (profile, metadata) in wanted.items():
            save(plan[name], profile, metadata)
        for name in ("client", "client2"):
            if name in plan and name not in wanted:
                token = token or told(countersign("client", "registration-token", "--days", "365"), "initial access token")
                plan[name]["initial_access_token"] = token
        chosen.out.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(plan, indent=2) + "\n")
        print(f"{place}: {len(wanted)} clients")


if __name__ == "__main__":
    main()
