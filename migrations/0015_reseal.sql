-- What a change of SECRET_KEY must find across people and companies: what is still sealed with an earlier one. A seal begins with the id
-- of its key. What these functions give is useless without that key.

-- The next seeds, in the order of their accounts, that this key did not seal.
create function stale_seeds(key bytea, after uuid) returns table (account_id uuid, seed_sealed bytea)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select t.account_id, t.seed_sealed from totp t
    where t.account_id > after and substr(t.seed_sealed, 1, octet_length(key)) <> key
    order by t.account_id limit 500
$$;

-- The next secrets of clients, in the order of their ids, that this key did not seal.
create function stale_client_secrets(key bytea, after text) returns table (id text, company_id uuid, secret_sealed bytea)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select k.id, k.company_id, k.secret_sealed from client k
    where k.id > after and substr(k.secret_sealed, 1, octet_length(key)) <> key
    order by k.id limit 500
$$;

-- How many passwords were hashed under another key than this, as a hash names it.
create function passwords_of_other_keys(key text) returns bigint
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select count(*) from password p where p.hash like '$argon2id$%' and strpos(p.hash, ',keyid=' || key || '$') = 0
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array['stale_seeds(bytea, uuid)', 'stale_client_secrets(bytea, text)', 'passwords_of_other_keys(text)']
    loop
        execute format('alter function %s owner to countersign_lookup', signature);
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to countersign_app', signature);
    end loop;
end
$$;
