#!/usr/bin/env bash
# One oauth line in pg_hba.conf, and Ansible's module for that file cannot change anything in it any more.
#
# Guess: community.postgresql.postgresql_pg_hba may not be able to write the method oauth yet, but it keeps lines that it
#   does not manage, as it keeps comments.
# What happens: it checks the method of every line when it reads the file. With a line of oauth in it, each task on that file
#   fails with "Found an unknown method: oauth", also one that adds a scram-sha-256 line for somebody else.
# Who cares: the DBA writes the oauth line by hand or by a template, and the next run of an unrelated playbook, for instance
#   one that adds a replica, fails on that host.
# What to do: have pg_hba.conf written whole by a template, or keep oauth lines in a file of their own and take it in by
#   include, which the module passes over.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages ansible-core==2.18.12
# The collection, out of the package that has them all.
python/bin/pip download --quiet --disable-pip-version-check --no-deps --dest wheel ansible==12.3.0 > pip.log 2>&1 || { cat pip.log >&2; exit 2; }
python/bin/python -m zipfile -l wheel/*.whl | grep -oE '^ansible_collections/community/postgresql/[^ ]+' > names
python/bin/python - <<'END'
import glob, zipfile
with zipfile.ZipFile(glob.glob("wheel/*.whl")[0]) as wheel:
    for name in open("names").read().split():
        wheel.extract(name, ".")
END
rm -r wheel
echo "community.postgresql $(python/bin/python -c 'import json; print(json.load(open("ansible_collections/community/postgresql/MANIFEST.json"))["collection_info"]["version"])') (of ansible==12.3.0)"

add() {
  ANSIBLE_COLLECTIONS_PATH=$work ANSIBLE_HOME=$work/home ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_NOCOLOR=1 \
    python/bin/ansible localhost -i localhost, -c local -e ansible_python_interpreter="$work/python/bin/python" \
    -m community.postgresql.postgresql_pg_hba \
    -a "dest=$work/pg_hba.conf contype=host databases=app users=app source=192.0.2.0/24 method=scram-sha-256" 2> errors.log |
    grep -oE 'CHANGED|FAILED|Found an unknown method: [a-z]+' | sort -u
}
oauth='hostssl all all 10.0.0.0/8 oauth issuer="https://idp.example" scope="openid db.connect" map=corp'
trial() {
  echo 'local all postgres peer' > pg_hba.conf
  echo 'without an oauth line:'; add
  printf 'local all postgres peer\n%s\n' "$oauth" > pg_hba.conf
  echo 'with an oauth line:'; add || true
  echo "$oauth" > oauth.conf
  printf 'local all postgres peer\ninclude oauth.conf\n' > pg_hba.conf
  echo 'with the oauth line in an included file:'; add
  tr '\t' ' ' < pg_hba.conf && echo
}
expect trial <<'END'
without an oauth line:
CHANGED
with an oauth line:
FAILED
Found an unknown method: oauth
with the oauth line in an included file:
CHANGED
local all postgres peer
host app app 192.0.2.0/24 scram-sha-256
include oauth.conf
END
