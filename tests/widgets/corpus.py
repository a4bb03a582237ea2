"""Secrets of many kinds, in the texts in which they are found; and texts in which there is none.

Every secret is made up when the tests run, from pieces: no file of this repository has one in it.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass

_LETTERS = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


@dataclass(frozen=True)
class Example:
    """A text with a secret in it.

    Attributes
    ----------
    kind
        What it is, for people.
    secrets
        None of which may be left.
    """

    kind: str
    text: str
    secrets: tuple[str, ...]


class Maker:
    """Makes up secrets; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def some(self, count: int, of: str = _LETTERS) -> str:
        """Return so many characters, with a digit, a small and a large letter where there are such."""
        start = "".join(next((c for c in kind if c in of), "") for kind in ("7", "qa", "QA"))
        return (start + "".join(self.chance.choices(of, k=count)))[:count]

    def hexes(self, count: int) -> str:
        """Return so many hexadecimal digits."""
        return ("a7" + "".join(self.chance.choices(_HEX, k=count)))[:count]

    def numbers(self, count: int) -> str:
        """Return so many digits, of which the first is no 0."""
        return str(self.chance.randint(10 ** (count - 1), 10**count - 1))

    def word(self) -> str:
        """Return a password as people choose them."""
        return self.chance.choice(["Welkom", "Zomer", "hunter", "Gr0en!", "Fiets#", "p@rd"]) + self.numbers(3)

    def base64(self, count: int) -> str:
        """Return so many bytes in base64."""
        return base64.b64encode(self.chance.randbytes(count)).decode()

    def bsn(self) -> str:
        """Return a number that passes the 11-test."""
        while True:
            digits = [int(one) for one in self.numbers(8)]
            last = sum(w * d for w, d in zip(range(9, 1, -1), digits, strict=True)) % 11
            if last < 10:
                return "".join(map(str, [*digits, last]))

    def iban(self, country: str = "NL", bank: str = "ABNA", digits: int = 10) -> str:
        """Return an account's number with its right check digits."""
        account = bank + self.numbers(digits)
        number = int("".join(str(int(one, 36)) for one in account + country + "00"))
        return f"{country}{98 - number % 97:02}{account}"

    def card(self, begin: str = "4", count: int = 16) -> str:
        """Return a card's number that passes Luhn's test."""
        body = begin + self.numbers(count - len(begin) - 1)
        total = sum(
            d if at % 2 else (2 * d - 9 if d > 4 else 2 * d)
            for at, d in enumerate(int(c) for c in body[::-1])
        )
        return body + str(-total % 10)

    def key_file(self, kind: str = "RSA PRIVATE KEY", lines: int = 4, *, head: str = "") -> str:
        """Return a private key as a file has it."""
        body = "\n".join(self.base64(48) for _ in range(lines))
        dashes = "-" * 5
        return f"{dashes}BEGIN {kind}{dashes}\n{head}{body}\n{dashes}END {kind}{dashes}"


def _tokens(it: Maker) -> Iterator[tuple[str, str]]:
    """Return what services issue, by kind."""
    yield from (
        ("AWS key id", begin + it.some(16, string.ascii_uppercase + "234567"))
        for begin in ("AK" + "IA", "AS" + "IA")
    )
    yield from (("GitHub token", f"gh{kind}_" + it.some(36)) for kind in "pousr")
    yield "GitHub fine-grained token", "github_" + "pat_" + it.some(22) + "_" + it.some(59)
    yield "GitLab token", "glp" + "at-" + it.some(20)
    yield "GitLab runner token", "glr" + "t-" + it.some(20)
    yield from (
        ("Slack token", f"xox{kind}-{it.numbers(12)}-{it.numbers(12)}-{it.some(24)}") for kind in "bap"
    )
    yield "Slack app token", "xa" + "pp-1-A" + it.numbers(9) + "-" + it.some(40)
    yield (
        "Slack webhook",
        "https://hooks.slack" + ".com/services/T" + it.some(8) + "/B" + it.some(8) + "/" + it.some(24),
    )
    yield from (
        ("Stripe key", f"{kind}_{of}_" + it.some(24)) for kind in ("sk", "rk") for of in ("live", "test")
    )
    yield "Stripe webhook secret", "wh" + "sec_" + it.some(32)
    yield "OpenAI key", "s" + "k-" + it.some(48)
    yield "OpenAI project key", "s" + "k-proj-" + it.some(40) + "_" + it.some(40)
    yield "Anthropic key", "s" + "k-ant-api03-" + it.some(40) + "-" + it.some(40)
    yield "Hugging Face token", "h" + "f_" + it.some(34)
    yield "Google API key", "AI" + "za" + it.some(35)
    yield "Google access token", "ya" + "29." + it.some(60)
    yield "Google client secret", "GOC" + "SPX-" + it.some(28)
    yield "npm token", "npm" + "_" + it.some(36)
    yield "PyPI token", "py" + "pi-AgEIcHlwaS5vcmc" + it.some(80)
    yield "Docker token", "dckr" + "_pat_" + it.some(27)
    yield "Twilio key", "S" + "K" + it.hexes(32)
    yield "SendGrid key", "S" + "G." + it.some(22) + "." + it.some(43)
    yield "Telegram bot token", it.numbers(9) + ":AA" + it.some(33)
    number = base64.b64encode(it.numbers(18).encode()).decode().rstrip("=")
    yield "Discord bot token", number + "." + it.some(6) + "." + it.some(38)
    yield "Discord webhook", "https://discord" + ".com/api/webhooks/" + it.numbers(18) + "/" + it.some(68)
    yield "Mailgun key", "ke" + "y-" + it.hexes(32)
    yield "Mailchimp key", it.hexes(32) + "-us" + "12"
    yield "Databricks token", "da" + "pi" + it.hexes(32)
    yield "DigitalOcean token", "do" + "p_v1_" + it.hexes(64)
    yield "Vault token", "hv" + "s." + it.some(90)
    yield "Grafana token", "gl" + "sa_" + it.some(32) + "_" + it.hexes(8)
    yield "Shopify token", "shp" + "at_" + it.hexes(32)
    yield "Square token", "sq0" + "atp-" + it.some(22)
    yield "Groq key", "gs" + "k_" + it.some(52)
    yield "Replicate token", "r" + "8_" + it.some(37)
    yield "Postman key", "PM" + "AK-" + it.hexes(24) + "-" + it.hexes(34)
    yield "New Relic key", "NR" + "AK-" + it.some(27, string.ascii_uppercase + string.digits)
    yield "Linear key", "lin" + "_api_" + it.some(40)
    yield "age key", "AGE-SECRET" + "-KEY-1" + it.some(58, string.ascii_uppercase + string.digits)
    part = base64.urlsafe_b64encode(json.dumps({"sub": it.some(8)}).encode()).decode().rstrip("=")
    yield "JWT", "ey" + "JhbGciOiJIUzI1NiJ9." + part + "." + it.some(43)
    yield "Airtable token", "pa" + "t" + it.some(14) + "." + it.hexes(64)


def _named(it: Maker) -> Iterator[tuple[str, str, str]]:
    """Return texts with a password that somebody chose: what, the text with @ for it, and the secret."""
    word, drawn = it.word, lambda: it.some(24)
    for line in (
        "password = '@'", 'password="@"', "PASSWORD=@", "export DB_PASSWORD=@", '{"password": "@"}', "password: @",
        "passwd=@", 'mysql_password: "@"', "pwd = '@'", "MYSQL_PWD=@", "wachtwoord: @", "wachtwoord = '@'",
        "mijn wachtwoord is @", "my password is @", "PGPASSWORD=@ psql -h db", "db.connect(user='jan', password='@')",
        "passphrase='@'", 'os.environ["DB_PASSWORD"] = "@"', "os.environ.setdefault('PASSWORD', '@')",
        "<password>@</password>", '<add key="password" value="@"/>', ":password => '@'", "password: str = '@'",
        "Server=db;Uid=sa;Pwd=@;Database=x", "Server=db;User Id=sa;Password=@;Encrypt=True", "**Password:** @",
        "{'host': 'db', 'password': '@', 'port': 1}", "Config(user='jan', password='@')", "user: jan\npassword: @\nport: 1",
        "[db]\nuser = jan\npassword = @\n", "spring.datasource.password=@", "password := \"@\"", "password = f'@'",
        'passwords = {"jan": 1, "password": "@"}', "Password: @", "password=@&user=jan", "ENV POSTGRES_PASSWORD @".replace(" @", "=@"),
        'password = """@"""', "password = (\n    '@'\n)", "DATABASE_PASS='@'", "adminPassword: '@'", "root_password: @",
        "conn.set('password', '@')", "user%3Djan%26password%3D@", "# don't tell: password = '@'",
    ):  # fmt: skip
        yield "password by its name", line, word()
    for line in (
        "mytool --password @", "mytool --password=@", 'mytool --password "@"', "sshpass -p @ ssh jan@host", "mysql -u root -p@ db",
        "docker login -u jan -p @ registry", "redis-cli -h db -a @ ping", "openssl rsa -passin pass:@ -in k", 'x = ["--password", "@"]',
        "curl -u jan:@ https://example.org/", "curl --user 'jan:@' https://example.org/", "wget --http-password=@ https://example.org",
    ):  # fmt: skip
        yield "password on a command line", line, word()
    yield from (
        ("netrc", line, word())
        for line in ("machine example.org login jan password @", "machine a.nl\n  login jan\n  password @\n")
    )
    yield from (
        ("pgpass", line, word()) for line in ("db.example.org:5432:mydb:jan:@", "# mine\n*:5432:*:jan:@\n")
    )
    yield from (
        ("Wi-Fi", line, word())
        for line in (
            'network={\n ssid="thuis"\n psk="@"\n}',
            "WIFI:T:WPA;S:thuis;P:@;;",
            "wpa_passphrase thuis @",
        )
    )
    for scheme in ("postgresql", "mysql+pymysql", "mongodb+srv", "redis", "amqp", "https", "ftp"):
        yield "address with a password", f"{scheme}://jan:@@db.example.org/name", word().replace("@", "a")
    yield "address with a password", "postgres://jan:p/@@db.example.org:5432/x", drawn()
    yield "address with a token", "https://@@git.example.org/a/b.git", drawn()
    for line in (
        "user jan, pw @", "bindpw @", "requirepass @", "ldap_bind_password @", "| password | @ |", '<password type="x">@</password>', "wifi password is @",
        '{"name": "password", "value": "@"}', "- name: DB_PASSWORD\n  value: @", 'credentials = ("jan", "@")', 'Fernet(b"@")', "pymysql.connect('h', 'jan', '@', 'db')",
        "password%22%3A%22@%22", "jdbc:oracle:thin:jan/@@host:1521/x", "nmcli dev wifi connect thuis password @", "gpg --passphrase @ -d x", "zip -P @ a.zip b",
        "echo @ | sudo -S ls", 'echo "jan:@" | chpasswd', "sudo -S ls <<< @", "htpasswd -b file jan @", "openssl enc -aes256 -k @", "net use X: \\\\server\\share @",
    ):  # fmt: skip
        yield "password where a program reads it", line, drawn()
    yield "SQL", "CREATE USER jan WITH PASSWORD '@';", word()
    yield "SQL", "GRANT ALL ON x TO jan IDENTIFIED BY '@';", word()
    yield "basic auth in code", "requests.get(url, auth=('jan', '@'))", word()
    yield "basic auth in code", "requests.get(url, auth=HTTPBasicAuth('jan', '@'))", word()
    yield "log-in in code", 'smtp.login("jan", "@")', word()


def _drawn(it: Maker) -> Iterator[tuple[str, str, str]]:
    """Return texts with what a program gave out, by the name before it."""
    word, drawn, long = it.word, lambda: it.some(24), lambda: it.base64(32)
    for line in (
        "Authorization: Bearer @", "Authorization: token @", '{"Authorization": "Bearer @"}', "curl -H 'Authorization: Bearer @' https://x",
        "headers = {'Authorization': f'Bearer @'}", "authorization: @", "Bearer @", "Authorization%3A%20Bearer%20@",
    ):  # fmt: skip
        yield "Authorization header", line, drawn()
    yield from (
        ("API key header", line, drawn())
        for line in ("X-API-Key: @", "curl -H 'x-api-key: @' x", "{'X-Auth-Token': '@'}")
    )
    for line in (
        "Cookie: sessionid=@; theme=dark", "Set-Cookie: jupyterhub-session-id=@; Path=/", "{'Cookie': 'session=@'}",
        "requests.get(u, cookies={'sid': '@'})", "curl -b 'session=@' https://x", 'document.cookie = "a=@"', "curl --cookie a=@ x",
        "sessionid=@", "PHPSESSID=@", "_xsrf=@", "csrftoken: '@'",
    ):  # fmt: skip
        yield "cookie", line, drawn()
    for line in (
        "http://127.0.0.1:8888/lab?token=@", "https://hub/user/jan/?token=@", "https://x.nl/cb?code=abc&access_token=@&b=1",
        "https://x.nl/#access_token=@", "https://b.s3.example.org/k?X-Amz-Signature=@&a=1", "https://a.blob.example.org/c?sv=1&sig=@",
        "https://maps.example.org/api?key=@", "next=%2Flab%3Ftoken%3D@",
    ):  # fmt: skip
        yield "token in an address", line, it.hexes(48)
    for line in (
        "JUPYTERHUB_API_TOKEN=@", "'JUPYTERHUB_API_TOKEN': '@'", 'os.environ["HF_TOKEN"] = "@"', "token = '@'", "token: @", "TOKEN=@", "--token @",
        "secret: @", "client_secret = '@'", "SECRET_KEY = '@'", "api_key='@'", "apiKey: '@'", "OPENAI_API_KEY=@", "aws_secret_access_key = @",
        "AWS_SECRET_ACCESS_KEY=@", "aws_session_token=@", "private_key: '@'", "access_token\": \"@\"", "refresh_token=@", "encryption_key = b'@'",
        "my key is @", "the token @ stopped working", "key = '@'", "wandb login @", "WANDB_API_KEY=@", '{"username":"jan","key":"@"}',
        "    client-key-data: @", "    token: @", "//registry.example.org/:_authToken=@", "salt = '@'", "SIGNING_KEY=@", "mijn sleutel is @",
        "Subscription-Key: @", "pin_token = SecretStr('@')", "credentials: '@'", "jwt = '@'", "token@",
    ):  # fmt: skip
        if line != "token@":
            yield "secret by its name", line, drawn()
    for line in (
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=@;EndpointSuffix=x",
        "Endpoint=sb://x/;SharedAccessKeyName=r;SharedAccessKey=@",
    ):
        yield "connection string", line, long()
    yield (
        "Docker's settings",
        '{"auths": {"registry": {"auth": "@"}}}',
        base64.b64encode(f"jan:{word()}".encode()).decode(),
    )
    yield (
        "Basic auth in base64",
        "Authorization: Basic @",
        base64.b64encode(f"jan:{word()}".encode()).decode(),
    )
    yield "Basic auth in base64", "sent header Basic @", base64.b64encode(f"jan:{word()}".encode()).decode()
    yield "kubeconfig", "users:\n- name: a\n  user:\n    client-key-data: @\n", long()


def _personal(it: Maker) -> Iterator[tuple[str, str, str]]:
    for _ in range(3):
        bsn = it.bsn()
        for line, shape in (
            ("bsn = @", bsn),
            ("@", bsn),
            ("BSN: @.", f"{bsn[:4]}.{bsn[4:6]}.{bsn[6:]}"),
            ("x,@,y", bsn),
            ("(@)", bsn),
            ('"bsn": "@"', bsn),
            ("nr @ is", f"{bsn[:3]} {bsn[3:6]} {bsn[6:]}"),
        ):
            yield "BSN", line, shape
    for iban in (
        it.iban(),
        it.iban(bank="INGB"),
        it.iban("DE", "", 18),
        it.iban("BE", "", 12),
        it.iban("FR", "", 23),
        it.iban("GB", "WEST", 14),
    ):
        spaced = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
        yield from (
            ("IBAN", line, shape)
            for line, shape in (
                ("@", iban),
                ("betaal aan @ nu", spaced),
                ("iban='@'", iban),
                ("@.", iban.lower()),
                ("r=@&a", spaced.replace(" ", "%20")),
            )
        )
    for card in (it.card(), it.card("52"), it.card("34", 15), it.card("6011")):
        yield from (
            ("card number", line, shape)
            for line, shape in (
                ("@", card),
                ("kaart: @.", " ".join(card[at : at + 4] for at in range(0, len(card), 4))),
                ("card='@'", card),
            )
        )
    for mail in (
        "jan.de.vries@example.org",
        "j.jansen+test@mail.gemeente.nl",
        "INFO@BEDRIJF.NL",
        "o'neil@example.com",
        "josé@voorbeeld.nl",
        "a_b-c@x-y.co.uk",
    ):
        yield from (
            ("e-mail", line, mail)
            for line in ("@@", "mail @@.", "<@@>", "to='@@'", "mailto:@@", "x,@@,y", "(@@)")
        )
    yield "e-mail", "u=@@", "jan%40example.org"
    for phone in ("06-12345678", "06 12 34 56 78", "0612345679", "+31612345678", "+31 6 1234 5678", "0031612345678", "+31 (0)6 12345678", "020-1234567", "020 123 4567", "(020) 123 45 67", "0591-123456", "+49 30 1234567", "+32 475 12 34 56", "+44 20 7946 0958", "+1 212 555 0142", "(212) 555-0142", "212-555-0142", "+1-212-555-0142"):  # fmt: skip
        yield from (
            ("telephone", line, phone)
            for line in ("@@", "tel. @@", "bel @@ na 5 uur", '"tel": "@@"', "tel=@@.")
        )


def examples(seed: int = 1) -> list[Example]:
    """Return them all."""
    it = Maker(seed)
    found = [
        Example(kind, text, (_hidden(secret),)) for kind, secret in _tokens(it) for text in _around(secret)
    ]
    found += [
        Example(kind, line.replace("@", secret, 1) if line.count("@") == 1 else _put(line, secret), (secret,))
        for kind, line, secret in (*_named(it), *_drawn(it))
    ]
    found += [
        Example(
            kind,
            line.replace("@@", secret).replace("@", secret)
            if "@@" not in line
            else line.replace("@@", secret),
            (secret,),
        )
        for kind, line, secret in _personal(it)
    ]
    for kind, head in (("RSA PRIVATE KEY", ""), ("OPENSSH PRIVATE KEY", ""), ("PRIVATE KEY", ""), ("EC PRIVATE KEY", ""), ("ENCRYPTED PRIVATE KEY", ""), ("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n"), ("PGP PRIVATE KEY BLOCK", "Version: GnuPG v2\n\n")):  # fmt: skip
        file = it.key_file(kind, head=head)
        lines = tuple(line for line in file.splitlines() if len(line) == 64)
        cut = file.partition("-----END")[0]
        as_json = json.dumps({"private_key": file})
        as_lines = json.dumps(
            {"source": [f"{line}\n" for line in f"key = '''{file}'''".splitlines()]}, indent=1
        )
        found += [
            Example(kind, text, lines)
            for text in (file, f"k = '''{file}'''\n", as_json, as_lines, cut, repr(file))
        ]
    return found


def _put(line: str, secret: str) -> str:
    """Put a secret where the last lone @ before another stands: ``jan:@@host``."""
    at = line.index("@@") if "@@" in line else line.index("@")
    return line[:at] + secret + line[at + 1 :]


def _hidden(token: str) -> str:
    """Return the part of a token that nobody may read: a webhook's address is known."""
    return token.rpartition("/")[2]


def _around(secret: str) -> Iterator[str]:
    yield from (secret, f"x = '{secret}'\n", f"({secret})", f"use {secret}, please.", f"a\n{secret}\nb", json.dumps({"source": ["import x\n", f"f('{secret}')\n"]}), json.dumps(f"a\n{secret}\nb"), f"TOKEN={secret}", f"\x1b[31m{secret}\x1b[0m")  # fmt: skip


def in_a_notebook(text: str) -> str:
    """Return a text as it stands in a notebook's file."""
    cell = {
        "cell_type": "code",
        "source": text.splitlines(keepends=True),
        "outputs": [{"name": "stdout", "text": text}],
    }
    return json.dumps({"cells": [cell], "nbformat": 4}, indent=1)


#: Nothing of these is a secret.
HARMLESS = r"""
import numpy as np
password = getpass.getpass("Password: ")
password = input("Enter your password: ")
token = os.environ["HF_TOKEN"]
token = os.getenv('TOKEN')
tokens = tokenizer.encode(text)
tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")
max_tokens=4096, pad_token_id=0, eos_token="</s>"
tokenizer.pad_token = tokenizer.eos_token
for key, value in sorted(d.items(), key=lambda kv: kv[1]):
KeyError: 'name'
key = "encoder.layer.11.attention.self.query.weight"
missing key: model.layers.0.mlp.weight
df.sort_values(by="primary_key")
commit 3f786850e387550fdab836ed7e6dc881de23001b
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
d41d8cd98f00b204e9800998ecf8427e  empty.txt
550e8400-e29b-41d4-a716-446655440000
job 8d3de28 of 2026-11-21T16:32:21Z took 0:01:23.456789
version 1.2.3, python 3.11.9, torch==2.4.1+cu121
192.168.1.1 and 10.0.0.255:8080, ::1, fe80::1ff:fe23:4567:890a
order 123456789 was sent
Ordernummer: 987654321
0.123456782 3.14159265358979 -1.5e+10 1e-05 6.02214076e23
array([[0.12345678, 0.87654321], [1.23456789, 9.87654321]])
loss: 0.6931471805599453, step 1000/20000
1700000000 1700000000000 1700000000000000000
2026-11-21 16:32:21,123 INFO root: started
21-11-2026 12/31/2026 16:32
x = A @ B.T + C@D.transpose(1, 0)
@property
@dataclass(frozen=True)
git@github.com:org/repo.git
https://example.org/path?page=2&sort=name
http://127.0.0.1:8888/lab/tree/work.ipynb
http://localhost:8080/users/@me
postgresql://localhost:5432/name
the password is required
wrong password for user
password must have at least 12 characters
forgot your password?
def login(user: str, password: str) -> None:
    password: str | None = None
    self.password = password
connect(host, user, password)
kubectl create secret generic name
from secrets import token_hex, token_urlsafe
secret = secrets.token_hex(16)
API_KEY = os.environ.get("API_KEY")
api_key=None
api_key = "<your key>"
--password-stdin
PWD=/home/jan/work
tokens: 512
num_tokens = 128
Unexpected token at position 12
token = next(stream)
ValueError: invalid literal for int() with base 10: 'abc'
NameError: name 'pandas' is not defined
  File "/home/jan/work/x.py", line 12, in <module>
CUDA error: out of memory. Tried to allocate 20.00 MiB (GPU 0; 39.39 GiB total)
NVIDIA H100 80GB HBM3, 535.104.05, 81559 MiB
ssh-keygen -t ed25519
BEGIN PUBLIC KEY
primary_key=True, foreign_keys=ON
pass
else: pass
public key: see the page
<input type="password" name="password">
password_min_length = 12
PASSWORD_FILE=/run/secrets/db
the cookie monster ate 3 cookies
session = Session()
session = requests.Session()
with tf.Session() as session:
sig = inspect.signature(f)
Bearer {token}
headers = {"Authorization": f"Bearer {token}"}
Authorization: Bearer $TOKEN
f"postgresql://{user}:{password}@{host}/db"
auth=(user, password)
12 345 678,90 euro
1.234.567 rows × 12 columns
EUR 1,234,567.89
0123456789abcdef
string.digits == "0123456789"
NL00ABNA0417164300
GB82 WEST 1234 5698 7654 33
4111 1111 1111 1112
ISBN 978-3-16-148410-1
+1 more row
a+1234 -5678
phone = None
email = user.email
mail: str
<IPython.core.display.HTML object>
data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk
""".strip("\n").splitlines()
