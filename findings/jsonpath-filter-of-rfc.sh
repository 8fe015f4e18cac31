#!/usr/bin/env bash
# jsonpath-plus takes a filter as RFC 9535 writes it, and selects nothing; a name with a hyphen does the reverse in json-p3.
#
# Guess: a library that wants parentheses, [?(@ == 'x')], calls [?@ == 'x'] a syntax error, as jsonpath does. A library that
#   follows the RFC calls $.resource-access a syntax error, since a short name has no hyphen.
# What happens: jsonpath-plus reads [?@ == 'x'] without a word and selects nothing, whatever the document. json-p3 and
#   python-jsonpath, both made to the RFC, take the hyphen and select; jsonpath-rfc9535, of the same author, refuses it.
# Who cares: whoever copies a claim path between a dashboard, a gateway and a validator. "Selects nothing" in the one tool is
#   taken for "the claim is not there", and a path that was tried is refused in the other.
# What to do: write $['my-client'] for every name that is not letters, digits and underscores, which all five take, and
#   [?(@ == 'x')] where a path has to serve an old library too: RFC 9535 allows the parentheses.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages python-jsonpath==2.2.2 jsonpath-rfc9535==1.0.1
npm_packages jsonpath-plus@10.4.0 jsonpath@1.3.0 json-p3@2.3.1

cat > data.json <<'END'
{"token": {"groups": ["staff", "contractor"], "resource_access": {"my-client": {"roles": ["reader"]}}},
 "paths": ["$.groups[?@ == 'contractor']", "$.groups[?(@ == 'contractor')]",
           "$.resource_access.my-client.roles[*]", "$.resource_access['my-client'].roles[*]"]}
END
cat > read.py <<'END'
import json, jsonpath, jsonpath_rfc9535
data = json.load(open("data.json"))
readers = {"python-jsonpath": jsonpath.findall,
           "jsonpath-rfc9535": lambda path, token: [node.value for node in jsonpath_rfc9535.find(path, token)]}
for path in data["paths"]:
    for name, reader in readers.items():
        try:
            said = json.dumps(reader(path, data["token"]))
        except Exception as error:
            said = type(error).__name__
        print(f"{path:40} {name:16} {said}")
END
cat > read.mjs <<'END'
import { readFileSync } from 'node:fs'
import { JSONPath } from 'jsonpath-plus'
import { query } from 'json-p3'
import jsonpath from 'jsonpath'
const { token, paths } = JSON.parse(readFileSync('data.json'))
const readers = {
  'json-p3': (path) => query(path, token).values(),
  'jsonpath-plus': (path) => JSONPath({ path, json: token }),
  jsonpath: (path) => jsonpath.query(token, path),
}
for (const path of paths)
  for (const [name, reader] of Object.entries(readers)) {
    let said
    try { said = JSON.stringify(reader(path)) } catch (error) { said = error.message.split('\n')[0] }
    console.log(path.padEnd(40), name.padEnd(16), said)
  }
END
trial() { python/bin/python read.py && node read.mjs; }
expect trial <<'END'
$.groups[?@ == 'contractor']             python-jsonpath  ["contractor"]
$.groups[?@ == 'contractor']             jsonpath-rfc9535 ["contractor"]
$.groups[?(@ == 'contractor')]           python-jsonpath  ["contractor"]
$.groups[?(@ == 'contractor')]           jsonpath-rfc9535 ["contractor"]
$.resource_access.my-client.roles[*]     python-jsonpath  ["reader"]
$.resource_access.my-client.roles[*]     jsonpath-rfc9535 JSONPathSyntaxError
$.resource_access['my-client'].roles[*]  python-jsonpath  ["reader"]
$.resource_access['my-client'].roles[*]  jsonpath-rfc9535 ["reader"]
$.groups[?@ == 'contractor']             json-p3          ["contractor"]
$.groups[?@ == 'contractor']             jsonpath-plus    []
$.groups[?@ == 'contractor']             jsonpath         Lexical error on line 1. Unrecognized text.
$.groups[?(@ == 'contractor')]           json-p3          ["contractor"]
$.groups[?(@ == 'contractor')]           jsonpath-plus    ["contractor"]
$.groups[?(@ == 'contractor')]           jsonpath         ["contractor"]
$.resource_access.my-client.roles[*]     json-p3          ["reader"]
$.resource_access.my-client.roles[*]     jsonpath-plus    ["reader"]
$.resource_access.my-client.roles[*]     jsonpath         Lexical error on line 1. Unrecognized text.
$.resource_access['my-client'].roles[*]  json-p3          ["reader"]
$.resource_access['my-client'].roles[*]  jsonpath-plus    ["reader"]
$.resource_access['my-client'].roles[*]  jsonpath         ["reader"]
END
