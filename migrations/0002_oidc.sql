-- Codes and refresh tokens are found before a scope is known: whoever holds the secret learns whose it is, and the rule
-- then opens that company's scope. And the client that the management API's own tokens are given to.

-- Whose code this is, whatever became of it.
create function find_code(sought bytea)
    returns table (company_id uuid, account_id uuid, grant_id uuid, client_id text)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select g.company_id, g.account_id, g.id, g.client_id
    from authorization_code c join authorization_grant g on g.company_id = c.company_id and g.id = c.grant_id
    where c.digest = sought
$$;

-- Whose refresh token this is, whatever became of it.
create function find_refresh_token(sought bytea)
    returns table (company_id uuid, account_id uuid, grant_id uuid, client_id text)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select g.company_id, g.account_id, g.id, g.client_id
    from refresh_token r join authorization_grant g on g.company_id = r.company_id and g.id = r.grant_id
    where r.digest = sought
$$;

-- Which of these members of the company of the scope have a second factor. Says no more than that.
create function members_with_second_factor(sought uuid[]) returns setof uuid
    language sql stable security definer set search_path = pg_catalog, public as $$
    select t.account_id from totp t
    join membership m on m.account_id = t.account_id and m.company_id = public.scope_company() and m.ended_at is null
    where t.account_id = any (sought) and t.confirmed_at is not null
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array['find_code(bytea)', 'find_refresh_token(bytea)', 'members_with_second_factor(uuid[])']
    loop
        execute format('alter function %s owner to countersign_lookup', signature);
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to countersign_app', signature);
    end loop;
end
$$;

-- Tokens of the management API are given to this client. It has no redirect URI and no grant type, so that it is good
-- for nothing at the OpenID endpoints. The owner writes no rows otherwise, so the policies make way for this one.
alter table client no force row level security;
insert into client (id, name, token_endpoint_auth_method, grant_types, scopes, skip_consent, created_at, updated_at)
values ('cli_countersign_api', 'Management API', 'none', '{}', '{}', true, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
alter table client force row level security;

-- An invitation to a person who has an account already names the company that invites, and as what.
alter table mail_token add column company_id uuid references company (id) on delete cascade;
alter table mail_token add column role text check (role in ('admin', 'manager', 'user'));
alter table mail_token drop constraint mail_token_purpose_check;
alter table mail_token add constraint mail_token_purpose_check
    check (purpose in ('verify_email', 'reset_password', 'change_email', 'invitation', 'join'));
alter table mail_token add constraint mail_token_join_check
    check ((purpose = 'join') = (company_id is not null) and (purpose = 'join') = (role is not null));
