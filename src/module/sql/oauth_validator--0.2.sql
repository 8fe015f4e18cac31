-- CREATE EXTENSION oauth_validator: what SQL may read of a session that OAuth let in, who is in, how logins were decided,
-- and the functions that end sessions.
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

CREATE FUNCTION oauth_validator.session_list(
    OUT pid integer,
    OUT role text,
    OUT profile text,
    OUT authn_id text,
    OUT client text,
    OUT token_id text,
    OUT key text,
    OUT authenticated_at timestamptz,
    OUT expires_at timestamptz,
    OUT ends_at timestamptz
)
RETURNS SETOF record
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 100
AS 'MODULE_PATHNAME', 'oauth_validator_sessions';
COMMENT ON FUNCTION oauth_validator.session_list() IS
    'the rows of the view sessions: the caller''s own session, or all for those with the privileges of pg_read_all_stats';

CREATE VIEW oauth_validator.sessions AS
    SELECT pid, role, profile, authn_id, client, token_id, key, authenticated_at, expires_at, ends_at
    FROM oauth_validator.session_list();
COMMENT ON VIEW oauth_validator.sessions IS
    'who is logged in by OAuth, as whom, by which token and key, and until when; one''s own session, or all for pg_read_all_stats';

CREATE FUNCTION oauth_validator.decision_counts(
    OUT profile text,
    OUT code text,
    OUT count bigint,
    OUT last_at timestamptz
)
RETURNS SETOF record
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 100
AS 'MODULE_PATHNAME', 'oauth_validator_decisions';
COMMENT ON FUNCTION oauth_validator.decision_counts() IS 'the rows of the view decisions';

CREATE VIEW oauth_validator.decisions AS
    SELECT profile, code, count, last_at FROM oauth_validator.decision_counts();
COMMENT ON VIEW oauth_validator.decisions IS
    'how many logins were granted, not_mapped, or denied by which code, since the server started; profile is NULL where none was chosen';

CREATE FUNCTION oauth_validator.key_states(
    OUT profile text,
    OUT source text,
    OUT standing text,
    OUT fetched_at timestamptz,
    OUT fresh_until timestamptz,
    OUT usable_until timestamptz,
    OUT keys integer,
    OUT last_attempt_at timestamptz,
    OUT last_outcome text
)
RETURNS SETOF record
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'oauth_validator_keys';
COMMENT ON FUNCTION oauth_validator.key_states() IS 'the rows of the view keys';

CREATE VIEW oauth_validator.keys AS
    SELECT profile, source, standing, fetched_at, fresh_until, usable_until, keys, last_attempt_at, last_outcome
    FROM oauth_validator.key_states();
COMMENT ON VIEW oauth_validator.keys IS
    'the keys of each profile as a login would find them now: how old they are, until when they will do, and how the last attempt to fetch them ended';

CREATE FUNCTION oauth_validator.helper_counts(
    OUT requests bigint,
    OUT failures bigint,
    OUT milliseconds bigint
)
RETURNS SETOF record
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 1
AS 'MODULE_PATHNAME', 'oauth_validator_helper';
COMMENT ON FUNCTION oauth_validator.helper_counts() IS 'the row of the view helper';

CREATE VIEW oauth_validator.helper AS
    SELECT requests, failures, milliseconds FROM oauth_validator.helper_counts();
COMMENT ON VIEW oauth_validator.helper IS
    'how often providers were asked since the server started, how often in vain, and how long all of it took';

CREATE FUNCTION oauth_validator.end_sessions(
    identity text,
    OUT pid integer,
    OUT authn_id text,
    OUT profile text,
    OUT code text
)
RETURNS SETOF record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'oauth_validator_end_sessions';
COMMENT ON FUNCTION oauth_validator.end_sessions(text) IS
    'ends every session of this identity, and returns a row for each that was ended';

CREATE FUNCTION oauth_validator.enforce(
    gone boolean DEFAULT false,
    OUT pid integer,
    OUT authn_id text,
    OUT profile text,
    OUT code text
)
RETURNS SETOF record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'oauth_validator_enforce';
COMMENT ON FUNCTION oauth_validator.enforce(boolean) IS
    'ends every session that the configuration would deny now, with gone also those of profiles that are no more, and returns a row for each that was ended';

REVOKE ALL ON FUNCTION
    oauth_validator.session_list(), oauth_validator.decision_counts(), oauth_validator.key_states(),
    oauth_validator.helper_counts(), oauth_validator.end_sessions(text), oauth_validator.enforce(boolean)
    FROM PUBLIC;
REVOKE ALL ON
    oauth_validator.sessions, oauth_validator.decisions, oauth_validator.keys, oauth_validator.helper
    FROM PUBLIC;
-- Which rows somebody sees is decided in the function.
GRANT EXECUTE ON FUNCTION oauth_validator.session_list() TO PUBLIC;
GRANT SELECT ON oauth_validator.sessions TO PUBLIC;
GRANT EXECUTE ON FUNCTION
    oauth_validator.decision_counts(), oauth_validator.key_states(), oauth_validator.helper_counts()
    TO pg_read_all_stats;
GRANT SELECT ON oauth_validator.decisions, oauth_validator.keys, oauth_validator.helper TO pg_read_all_stats;
GRANT EXECUTE ON FUNCTION oauth_validator.end_sessions(text), oauth_validator.enforce(boolean) TO pg_signal_backend;
