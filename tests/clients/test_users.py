"""A person signs up, logs in, makes an API key of the kind that only `/v1` can make, and uses it."""

import itertools

import pytest
import requests
from binance.exceptions import BinanceAPIException
from clients import HTTP_TIMEOUT_S, eventually
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from venue import Account

PASSWORD = "correct horse battery staple"

people = itertools.count(1)


class V1:
    """A person's side of `/v1`."""

    def __init__(self, url):
        self._url = url
        self.name = f"person-{next(people)}@example.org"
        self._call("POST", "/v1/users", {"name": self.name, "password": PASSWORD})
        self._token = self._call("POST", "/v1/sessions", {"name": self.name, "password": PASSWORD})["token"]

    def _call(self, method, path, body=None, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.request(method, self._url + path, json=body, headers=headers, timeout=HTTP_TIMEOUT_S)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def call(self, method, path, body=None):
        return self._call(method, path, body, self._token)


@pytest.fixture
def person(venue):
    person = V1(venue.url)
    eventually(lambda: person.call("GET", "/v1/me")["accounts"][0]["state"], lambda state: state == "OPEN")
    return person


def test_a_signed_up_person_reads_the_account_with_an_rsa_key(person, connect_python_binance):
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public_pem = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private_pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    wish = {
        "password": PASSWORD,
        "kind": "RSA",
        "publicKey": public_pem.decode(),
        "label": "bot",
        "permissions": ["READ"],
    }
    api_key = person.call("POST", "/v1/api-keys", wish)["apiKey"]

    client = connect_python_binance(Account(person.name, api_key, None), private_key=private_pem.decode())

    assert client.get_account()["balances"] is not None
    with pytest.raises(BinanceAPIException, match="-2015"):
        client.order_limit_buy(symbol="BTCUSDT", quantity="1", price="20000")


def test_a_revoked_key_is_refused_at_once(person, connect_python_binance):
    wish = {"password": PASSWORD, "kind": "HMAC", "label": "bot", "permissions": ["READ", "TRADE"]}
    added = person.call("POST", "/v1/api-keys", wish)
    client = connect_python_binance(Account(person.name, added["apiKey"], added["secretKey"]))
    client.get_account()

    person.call("DELETE", f"/v1/api-keys/{added['apiKey']}")

    with pytest.raises(BinanceAPIException, match="-2015"):
        client.get_account()
