-- What a person allowed at an API (RFC 8707) is no permission at another one whose scopes have the same names: the identifier
-- of each API, and with a space and a scope behind it for what may be done there.
alter table consent add column resources text[] not null default '{}';
