-- CREATE EXTENSION oauth_validator: what SQL may read of a session that OAuth let in.
--
-- The schema must be new: whoever owned it before could add functions of the same names, which policies would call.
-- Nothing here can be set. In a session that OAuth did not let in, the functions say NULL, or have no row.

\echo Use "CREATE EXTENSION oauth_validator" to load this file. \quit

CREATE SCHEMA oauth_validator;
COMMENT ON SCHEMA oauth_validator IS 'what SQL may read of sessions that OAuth let in; of the extension oauth_validator';
REVOKE ALL ON SCHEMA oauth_validator FROM PUBLIC;
GRANT USAGE ON SCHEMA oauth_validator TO PUBLIC;

CREATE FUNCTION oauth_validator.session(
    OUT authn_id text,
    OUT profile text,
    OUT issuer text,
    OUT client text,
    OUT token_id text,
    OUT authenticated_at timestamptz,
    OUT expires_at timestamptz,
    OUT ends_at timestamptz
)
RETURNS SETOF record
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 1
AS 'MODULE_PATHNAME', 'oauth_validator_session';
COMMENT ON FUNCTION oauth_validator.session() IS
    'who logged in to this session by which token, and when it ends; no row if OAuth did not let it in';

CREATE FUNCTION oauth_validator.claims()
RETURNS jsonb
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'oauth_validator_claims';
COMMENT ON FUNCTION oauth_validator.claims() IS
    'the claims that session.claims of the profile names; NULL if OAuth did not let this session in';

CREATE FUNCTION oauth_validator.claim(name text)
RETURNS text
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'oauth_validator_claim';
COMMENT ON FUNCTION oauth_validator.claim(text) IS
    'one of these claims, a string as it is and anything else as JSON; NULL if there is none';

GRANT EXECUTE ON FUNCTION oauth_validator.session(), oauth_validator.claims(), oauth_validator.claim(text) TO PUBLIC;
