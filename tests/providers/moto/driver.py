"""moto as a server: Amazon Cognito's user pools with two clients, as boto3 asks for them.

The issuer of its tokens is Amazon's, whom nobody asks here: what moto publishes is below its own address.
"""

import os
from importlib.metadata import version

import boto3
from protocol import free_port, serve, start, wait_for_port

PORT = free_port()
BASE = f"http://127.0.0.1:{PORT}"
REGION = "eu-central-1"

start("python/bin/moto_server", "-H", "127.0.0.1", "-p", str(PORT), env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"})
wait_for_port(PORT)
cognito = boto3.client("cognito-idp", region_name=REGION, endpoint_url=BASE, aws_access_key_id="for-a-test", aws_secret_access_key="for-a-test")


def pool(name):
    """A user pool with ana in it."""
    created = cognito.create_user_pool(PoolName=name)["UserPool"]["Id"]
    cognito.admin_create_user(UserPoolId=created, Username="ana", TemporaryPassword="For-a-test-1", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=created, Username="ana", Password="For-a-test-1", Permanent=True)
    cognito.create_group(UserPoolId=created, GroupName="readers")
    cognito.admin_add_user_to_group(UserPoolId=created, Username="ana", GroupName="readers")
    return created


def client(name):
    """A client of the pool."""
    return cognito.create_user_pool_client(UserPoolId=POOL, ClientName=name, ExplicitAuthFlows=["ADMIN_NO_SRP_AUTH"])["UserPoolClient"]["ClientId"]


def of_ana(client_id):
    """What ana gets by her password."""
    answer = cognito.admin_initiate_auth(
        UserPoolId=POOL, ClientId=client_id, AuthFlow="ADMIN_NO_SRP_AUTH", AuthParameters={"USERNAME": "ana", "PASSWORD": "For-a-test-1"})
    return answer["AuthenticationResult"]


POOL = pool("corp")
PSQL, OTHER = client("psql"), client("other")
ana = of_ana(PSQL)
user = cognito.admin_get_user(UserPoolId=POOL, Username="ana")
sub = next(one["Value"] for one in user["UserAttributes"] if one["Name"] == "sub")
revoked = of_ana(PSQL)
cognito.admin_user_global_sign_out(UserPoolId=POOL, Username="ana")
serve({
    "version": version("moto"),
    "issuer": f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}",
    "served_at": f"{BASE}/{POOL}",
    "tokens": {
        "user": ana["AccessToken"], "id": ana["IdToken"], "refresh": ana["RefreshToken"],
        "other_client": of_ana(OTHER)["AccessToken"], "revoked": revoked["AccessToken"],
    },
    "identities": {"user": sub, "revoked": sub},
    "fill": {"CLIENT-ID": PSQL, "JWKS-URL": f"{BASE}/{POOL}/.well-known/jwks.json"},
})
