"""Invented secrets of every kind that the built-in rules know, made anew from a seed.

They are put together here so that no file of the project holds anything that looks like a secret.
In a shape, ``{A36}`` stands for 36 random characters of the alphabet A, and so on.
"""

from __future__ import annotations

import base64
import random
import re
import string
from dataclasses import dataclass

__all__ = ["Sample", "fill", "private_key", "samples"]

_ALPHABETS = {
    "A": string.ascii_letters + string.digits,
    "B": string.ascii_letters + string.digits + "+/",
    "D": string.digits,
    "H": "0123456789abcdef",
    "L": string.ascii_letters,
    "S": string.ascii_lowercase + string.digits,
    "U": string.ascii_uppercase + "234567",
    "W": string.ascii_letters + string.digits + "_-",
}
_UUID = "{H8}-{H4}-{H4}-{H4}-{H12}"

# rule: the secret's shape, and the line that it stands in ("@" is the secret)
_SHAPES: dict[str, tuple[str, str]] = {
    "age-secret-key": ("AGE-SECRET-KEY-1{U58}", "@"),
    "aws-access-key-id": ("AKIA{U16}", "id: @"),
    "aws-secret-access-key": ("{B40}", 'aws_secret_access_key = "@"'),
    "aws-bedrock-key": ("ABSK{B120}", "@"),
    "gcp-api-key": ("AIza{W34}x", 'url = "https://maps.example.com/?key=@"'),
    "gcp-oauth-client-secret": ("GOCSPX-{W27}x", '"secret": "@"'),
    "gcp-oauth-access-token": ("ya29.{W60}", "@"),
    "gcp-oauth-refresh-token": ("1//0{W60}", 'refresh = "@"'),
    "azure-account-key": ("{B86}==", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=@;"),
    "azure-shared-access-key": ("{B43}=", "SharedAccessKeyName=root;SharedAccessKey=@"),
    "azure-sas-signature": ("{A46}%3D", "https://x.example.com/c?sv=2022&sig=@"),
    "azure-client-secret": ("{A3}8Q~{A34}", 'client = "@"'),
    "azure-devops-token": ("{A76}AZDO{A4}", "@"),
    "azure-generated-key": ("{A40}AzFu{A6}==", 'code = "@"'),
    "digitalocean-token": ("dop_v1_{H64}", "@"),
    "alibaba-access-key-id": ("LTAI{A20}", "@"),
    "tencent-secret-id": ("AKID{A32}", "@"),
    "cloudflare-origin-ca-key": ("v1.0-{H24}-{H146}", "@"),
    "heroku-token": ("HRKU-{A60}", "@"),
    "fly-token": ("fo1_{W43}", "@"),
    "netlify-token": ("nfp_{A36}", "@"),
    "supabase-token": ("sbp_{H40}", "@"),
    "planetscale-token": ("pscale_tkn_{A43}", "@"),
    "doppler-token": ("dp.pt.{A43}", "@"),
    "vault-token": ("hvs.{A90}", "@"),
    "terraform-token": ("{A14}.atlasv1.{A67}", "@"),
    "pulumi-token": ("pul-{H40}", "@"),
    "tailscale-key": ("tskey-auth-{A12}-{A32}", "@"),
    "databricks-token": ("dapi{H32}", "@"),
    "github-token": ("ghp_{A36}", "git clone https://@@github.com/x/y"),
    "github-fine-grained-token": ("github_pat_{A22}_{A59}", "@"),
    "gitlab-token": ("glpat-{A20}", "@"),
    "gitlab-runner-token": ("GR1348941{A20}", "@"),
    "bitbucket-token": ("ATBB{A32}", "@"),
    "atlassian-token": ("ATATT3xFf{A150}", "@"),
    "npm-token": ("npm_{A36}", "@"),
    "npmrc-auth": ("{A36}", "//registry.example.com/:_authToken=@"),
    "pypi-token": ("pypi-{W120}", "@"),
    "rubygems-token": ("rubygems_{H48}", "@"),
    "crates-token": ("cio{A32}", "@"),
    "nuget-token": ("oy2{S43}", "@"),
    "clojars-token": ("CLOJARS_{H60}", "@"),
    "hex-token": ("{H32}", "HEX_API_KEY=@"),
    "docker-token": ("dckr_pat_{A27}", "@"),
    "docker-config-auth": ("{B36}", '{"auths": {"x": {"auth": "@"}}}'),
    "jfrog-token": ("AKCp8{A68}", "@"),
    "sonar-token": ("squ_{H40}", "@"),
    "buildkite-token": ("bkua_{H40}", "@"),
    "circleci-token": ("CCIPAT_{A22}_{H40}", "@"),
    "slack-token": ("xoxb-{D12}-{D12}-{A24}", "@"),
    "slack-app-token": ("xapp-1-{U10}-{D13}-{H64}", "@"),
    "slack-webhook": ("services/T{U9}/B{U9}/{A24}", "https://hooks.slack.com/@"),
    "discord-token": ("M{A25}.{A6}.{A38}", 'bot.run("@")'),
    "discord-webhook": ("{D18}/{A68}", "https://discord.com/api/webhooks/@"),
    "telegram-token": ("{D10}:AA{A33}", "@"),
    "teams-webhook": (
        f"webhookb2/{_UUID}@{_UUID}/IncomingWebhook/{{H32}}/{_UUID}",
        "https://x.webhook.office.com/@",
    ),
    "twilio-key": ("SK{H32}", "@"),
    "twilio-auth-token": ("{H32}", "TWILIO_AUTH_TOKEN=@"),
    "sendgrid-key": ("SG.{A22}.{A43}", "@"),
    "mailgun-key": ("key-{H32}", "@"),
    "mailchimp-key": ("{H32}-us12", "@"),
    "brevo-key": ("xkeysib-{H64}-{A16}", "@"),
    "new-relic-key": ("NRAK-{U27}", "@"),
    "grafana-token": ("glsa_{A32}_{H8}", "@"),
    "sentry-token": ("sntrys_{A80}", "@"),
    "datadog-key": ("{H32}", "DD_API_KEY=@"),
    "postman-key": ("PMAK-{H24}-{H34}", "@"),
    "linear-key": ("lin_api_{A40}", "@"),
    "figma-token": ("figd_{A43}", "@"),
    "notion-token": ("ntn_{A46}", "@"),
    "airtable-token": ("pat{A14}.{H64}", "@"),
    "typeform-token": ("tfp_{A44}", "@"),
    "onepassword-token": ("ops_eyJ{A300}", "@"),
    "okta-token": ("00{A40}", "Authorization: SSWS @"),
    "launchdarkly-key": (f"sdk-{_UUID}", "@"),
    "stripe-key": ("sk_live_{A24}", "@"),
    "stripe-webhook-secret": ("whsec_{A32}", "@"),
    "square-token": ("sq0atp-{A22}", "@"),
    "shopify-token": ("shpat_{H32}", "@"),
    "braintree-token": ("access_token$production${S16}${H32}", "@"),
    "plaid-token": (f"access-production-{_UUID}", "@"),
    "razorpay-key": ("rzp_live_{A14}", "@"),
    "adyen-key": ("AQE{A80}-{A40}", "@"),
    "shippo-token": ("shippo_live_{H40}", "@"),
    "easypost-key": ("EZAK{A54}", "@"),
    "openai-key": ("sk-proj-{A60}T3BlbkFJ{A60}", "@"),
    "anthropic-key": ("sk-ant-api03-{A93}AA", "@"),
    "openrouter-key": ("sk-or-v1-{H64}", "@"),
    "huggingface-token": ("hf_{L34}", "@"),
    "groq-key": ("gsk_{A52}", "@"),
    "xai-key": ("xai-{A80}", "@"),
    "perplexity-key": ("pplx-{A48}", "@"),
    "replicate-token": ("r8_{A37}", "@"),
    "facebook-token": ("EAAC{A120}", "@"),
    "twitter-bearer": ("AAAAAAAAAAAAAAAAAAAAA{A80}", "@"),
    "mapbox-token": ("sk.eyJ{A60}.{A22}", "@"),
    "jwt": ("eyJ{A20}.eyJ{A60}.{A43}", 'cookie("@")'),
    "authorization-header": ("{A40}", "curl -H 'Authorization: Bearer @'"),
    "cookie-secret": ("{A40}", "Cookie: theme=dark; sessionid=@"),
    "url-password": ("{A14}", "postgresql://app:@@db.internal:5432/app"),
    "connection-string-password": ("{A14}", "Server=db;User Id=sa;Password=@;Encrypt=true"),
    "password-quoted": ("{A10}!7x", 'self.db_password = "@"'),
    "password-argument": ("{A10}!7x", 'properties.put("db.password", "@")'),
    "password-command-line": ("{A10}7x", "sshpass -p @ ssh host"),
    "password-sql": ("{A10}7x", "CREATE USER app IDENTIFIED BY '@';"),
    "password-xml": ("{A10}7x", "<dbPassword>@</dbPassword>"),
    "password-prose": ("{A10}7x", "The password is `@`, ask Ada"),
    "netrc-password": ("{A10}7x", "machine host login ada password @"),
    "password-hash": ("$6${A16}${A86}", "root:@:19000::"),
    "generic-secret": ("{A32}", "client_secret: '@'"),
}
_CONFIG_SHAPES: dict[str, tuple[str, str, str]] = {  # with the path of the file
    "password-config": ("{A10}7x", "DB_PASSWORD=@", "deploy/.env"),
    "generic-secret-config": ("{A32}", "API_KEY=@", "deploy/.env"),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with one secret of a kind in it."""

    rule: str
    secret: str
    text: str
    path: str


def fill(shape: str, seed: object = 0) -> str:
    """Return a string of a shape, the same for the same seed."""
    choose = random.Random(f"{shape} {seed}")
    return re.sub(
        r"\{([A-Z])(\d+)\}",
        lambda match: "".join(choose.choices(_ALPHABETS[match[1]], k=int(match[2]))),
        shape,
    )


def private_key(kind: str = "RSA ", lines: int = 25, seed: object = 0, end: str = "\n") -> str:
    """Return what looks like a private key in PEM."""
    body = random.Random(f"{kind} {seed}").randbytes(48 * lines)
    encoded = base64.b64encode(body).decode()
    rows = [encoded[start : start + 64] for start in range(0, len(encoded), 64)]
    mark = "PRIVATE KEY-----"  # apart, so that this file is none
    return end.join([f"-----BEGIN {kind}{mark}", *rows, f"-----END {kind}{mark}"])


def samples(seed: object = 0) -> list[Sample]:
    """Return one sample for each built-in rule."""
    found = [_sample(rule, shape, line, "src/app.cfg.py", seed) for rule, (shape, line) in _SHAPES.items()]
    found += [_sample(rule, *rest, seed) for rule, rest in _CONFIG_SHAPES.items()]
    key = private_key(seed=seed)
    found.append(Sample("private-key", key, f"KEY = '''\n{key}\n'''\n", "src/keys.py"))
    twice = base64.b64encode(private_key("EC ", 4, seed).encode()).decode()
    found.append(Sample("private-key-base64", twice, f"tls.key: {twice}\n", "secret.yaml"))
    near = fill("{B40}", seed)
    text = f"{fill('AKIA{U16}', seed)}\n{near}\n"
    found.append(Sample("aws-secret-near-id", near, text.replace("\n", " \n ", 1), "notes.txt"))
    lines = "\n".join(fill("{B64}", f"{seed} {number}") for number in range(3))
    putty = f"PuTTY-User-Key-File-3: ssh-rsa\nComment: x\nPrivate-Lines: 3\n{lines}\nPrivate-MAC: 00\n"
    found.append(Sample("putty-private-key", lines, putty, "key.ppk"))
    return found


def _sample(rule: str, shape: str, line: str, path: str, seed: object) -> Sample:
    secret = fill(shape, f"{rule} {seed}")
    before, _, after = line.partition("@")
    return Sample(rule, secret, f"# line one\n{before}{secret}{after}\n# line three\n", path)
