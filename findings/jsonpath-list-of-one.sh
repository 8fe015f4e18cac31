#!/usr/bin/env bash
# Where a provider writes a single group as a plain string, two JSONPath libraries give back its first letter.
#
# Guess: an index or a slice on a string selects nothing. RFC 9535 says so of both, and languages that index strings are
#   fenced off by their JSONPath libraries.
# What happens: python-jsonpath takes slices of a string ($.groups[0:1] is "c" for "contractor"), but no index; jsonpath-plus
#   takes an index ($.groups[0] is "c") and .length (10), but no slice. jsonpath-rfc9535, json-p3 and jsonpath select nothing.
# Who cares: AD FS, Duende and others write a list of one as a string. Who tries a claim path in an online tester or a script
#   first gets an answer that is neither the group nor nothing, and writes a rule for it.
# What to do: try paths with the tool of the validator itself; test groups whole, by rules that take a plain string as a list
#   of one, never by index.
. "$(dirname "$(readlink -f "$0")")/common.sh"

python_packages python-jsonpath==2.2.2 jsonpath-rfc9535==1.0.1
npm_packages jsonpath-plus@10.4.0 jsonpath@1.3.0 json-p3@2.3.1

cat > read.py <<'END'
import json, jsonpath, jsonpath_rfc9535
token = {"groups": "contractor"}
for path in ("$.groups[*]", "$.groups[0]", "$.groups[0:1]", "$.groups.length"):
    print(f"{path:15} python-jsonpath  ", json.dumps(jsonpath.findall(path, token)))
    print(f"{path:15} jsonpath-rfc9535 ", json.dumps([node.value for node in jsonpath_rfc9535.find(path, token)]))
END
cat > read.mjs <<'END'
import { JSONPath } from 'jsonpath-plus'
import { query } from 'json-p3'
import jsonpath from 'jsonpath'
const json = { groups: 'contractor' }
for (const path of ['$.groups[*]', '$.groups[0]', '$.groups[0:1]', '$.groups.length']) {
  const name = path.padEnd(15)
  console.log(name, 'jsonpath-plus    ', JSON.stringify(JSONPath({ path, json })))
  console.log(name, 'json-p3          ', JSON.stringify(query(path, json).values()))
  console.log(name, 'jsonpath         ', JSON.stringify(jsonpath.query(json, path)))
}
END
trial() { python/bin/python read.py && node read.mjs; }
expect trial <<'END'
$.groups[*]     python-jsonpath   []
$.groups[*]     jsonpath-rfc9535  []
$.groups[0]     python-jsonpath   []
$.groups[0]     jsonpath-rfc9535  []
$.groups[0:1]   python-jsonpath   ["c"]
$.groups[0:1]   jsonpath-rfc9535  []
$.groups.length python-jsonpath   []
$.groups.length jsonpath-rfc9535  []
$.groups[*]     jsonpath-plus     []
$.groups[*]     json-p3           []
$.groups[*]     jsonpath          []
$.groups[0]     jsonpath-plus     ["c"]
$.groups[0]     json-p3           []
$.groups[0]     jsonpath          []
$.groups[0:1]   jsonpath-plus     []
$.groups[0:1]   json-p3           []
$.groups[0:1]   jsonpath          []
$.groups.length jsonpath-plus     [10]
$.groups.length json-p3           []
$.groups.length jsonpath          []
END
